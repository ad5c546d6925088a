//! Functions of one number.

/// The function of that name on numbers, if it is one of these.
pub(crate) fn by_name(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => f64::acos,
        "acosh" => f64::acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg" => |v| v * 180.0 / std::f64::consts::PI,
        "exp" => f64::exp,
        "floor" => f64::floor,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "rad" => |v| v * std::f64::consts::PI / 180.0,
        "sgn" => sign,
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        _ => return None,
    })
}

/// Zeros and NaN are themselves.
fn sign(v: f64) -> f64 {
    if v < 0.0 {
        -1.0
    } else if v > 0.0 {
        1.0
    } else {
        v
    }
}

/// Rounds to a multiple, ties up; multiplies by the inverse as upstream does.
pub(crate) fn round(v: f64, to_nearest: f64) -> f64 {
    let inverse = 1.0 / to_nearest;
    (v * inverse + 0.5).floor() / inverse
}

/// Go's `math.Max(min, math.Min(max, v))`: NaN wins, but for an infinity that would win over everything else.
pub(crate) fn clamp(v: f64, min: f64, max: f64) -> f64 {
    let lesser = if v == f64::NEG_INFINITY || max == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if v.is_nan() || max.is_nan() {
        f64::NAN
    } else {
        v.min(max)
    };
    if lesser == f64::INFINITY || min == f64::INFINITY {
        f64::INFINITY
    } else if lesser.is_nan() || min.is_nan() {
        f64::NAN
    } else {
        lesser.max(min)
    }
}

/// C's remainder, the sign of the dividend.
pub(crate) fn remainder(a: f64, b: f64) -> f64 {
    a % b
}

/// Go's `math.Pow`, which differs from C's in nothing that IEEE values show.
pub(crate) fn power(a: f64, b: f64) -> f64 {
    a.powf(b)
}
