//! What is shown of a URL that is itself a secret.

/// A webhook's URL without its secret: `https://discord.com/api/webhooks/…/•••`, elsewhere host and nothing behind it.
pub fn masked_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return if url.is_empty() { String::new() } else { "•••".to_owned() };
    };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if path.starts_with("/api/") && path.contains("/webhooks/") {
        format!("{scheme}://{host}/api/webhooks/…/•••")
    } else if path.len() > 1 {
        format!("{scheme}://{host}/•••")
    } else {
        format!("{scheme}://{host}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_paths_queries_and_user_names_are_hidden() {
        assert_eq!(masked_url("https://discord.com/api/webhooks/1/tok"), "https://discord.com/api/webhooks/…/•••");
        assert_eq!(masked_url("https://discord.com/api/v10/webhooks/1/tok"), "https://discord.com/api/webhooks/…/•••");
        assert_eq!(masked_url("http://u:p@h:1/services/T/B?x=1"), "http://h:1/•••");
        assert_eq!(masked_url("http://bridge:9094/"), "http://bridge:9094/");
        assert_eq!(masked_url("tok"), "•••");
    }
}
