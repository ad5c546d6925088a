//! What happened over time, as a picture needs it.

/// A named line of points.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// What it shows.
    pub name: String,
    /// Seconds from the scenario's start, and the value.
    pub points: Vec<(f64, f64)>,
}

/// How an alert stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandState {
    /// The condition holds, `for` is not over.
    Pending,
    /// The alert fires.
    Firing,
}

/// A stretch in which an alert stood one way.
#[derive(Clone, Debug)]
pub struct Band {
    /// The alert, with the labels that tell it from others.
    pub alert: String,
    /// How it stood.
    pub state: BandState,
    /// From, in seconds from the scenario's start.
    pub from: f64,
    /// Until.
    pub until: f64,
}

/// A message that was sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// When, in seconds from the scenario's start.
    pub t: f64,
    /// Whether it tells that something fires (else: that it is resolved).
    pub firing: bool,
    /// The receiver's name.
    pub receiver: String,
    /// The HTTP status it was answered with, if any.
    pub answer: Option<u16>,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// Whether it belongs to the alerts the picture is about.
    pub in_focus: bool,
}

/// A stretch of load.
#[derive(Clone, Debug)]
pub struct PhaseMark {
    /// What it is called.
    pub name: String,
    /// From, in seconds from the scenario's start.
    pub from: f64,
    /// Until.
    pub until: f64,
}

/// Everything the picture and the list of messages show.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// What the picture is called.
    pub title: String,
    /// Which phase pair of the sweep it shows.
    pub note: String,
    /// Real load of the VM, 0 to 100.
    pub load: Series,
    /// The value the rule compares, by alert.
    pub values: Vec<Series>,
    /// The threshold it is compared with, when it is a constant.
    pub threshold: Option<f64>,
    /// Stretches of load.
    pub phases: Vec<PhaseMark>,
    /// How the alerts stood.
    pub bands: Vec<Band>,
    /// What was sent.
    pub messages: Vec<Message>,
}
