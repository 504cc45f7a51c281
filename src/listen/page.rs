//! The pages that a customer sees: one layout, no script, nothing loaded from anywhere. No page
//! says who the customer is.

use hyper::StatusCode;

use super::words::Words;

/// What a page is allowed to do: to look plain, and to send its form back.
pub(super) const SECURITY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// What there is to stop.
    Choice { topic: Option<String>, necessary: bool },
    /// The topic was stopped.
    TopicStopped { topic: String },
    /// Everything was stopped.
    AllStopped,
    /// The topic can't be stopped.
    Necessary { topic: String },
    /// The link is none of ours.
    Unknown,
    /// It did not work; nothing was changed.
    Later,
}

impl Page {
    /// How a request that this page answers has ended. A mail program that asked for what can't be
    /// is told so.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Choice { .. } | Self::TopicStopped { .. } | Self::AllStopped => StatusCode::OK,
            Self::Necessary { .. } => StatusCode::CONFLICT,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Later => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The same page, with what a customer calls the topic in place of our name for it.
    pub(super) fn titled<'t>(mut self, title: impl Fn(&str) -> Option<&'t str>) -> Self {
        if let Self::Choice { topic: Some(topic), .. }
        | Self::TopicStopped { topic }
        | Self::Necessary { topic } = &mut self
            && let Some(title) = title(topic)
        {
            *topic = title.to_owned();
        }
        self
    }

    /// The page as a whole HTML document.
    pub(super) fn html(&self, words: &Words) -> String {
        let says = |text: &str, topic: &str| text.replace("{topic}", &escaped(topic));
        let stop_all = button("all", words.stop_all);
        let (text, buttons) = match self {
            Self::Choice { topic: Some(topic), necessary: true } | Self::Necessary { topic } => {
                (says(words.necessary, topic), stop_all)
            }
            Self::Choice { topic: Some(topic), .. } => {
                let stop_topic = button("topic", &says(words.stop_topic, topic));
                (says(words.about, topic), format!("{stop_topic}{stop_all}"))
            }
            Self::Choice { topic: None, .. } => (words.about_us.to_owned(), stop_all),
            Self::TopicStopped { topic } => (says(words.topic_stopped, topic), stop_all),
            Self::AllStopped => (words.all_stopped.to_owned(), String::new()),
            Self::Unknown => (words.unknown.to_owned(), String::new()),
            Self::Later => (words.later.to_owned(), String::new()),
        };
        let form = match buttons.is_empty() {
            true => String::new(),
            false => format!("<form method=\"post\">{buttons}</form>\n"),
        };
        let Words { language, direction, title, .. } = words;
        format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\" dir=\"{direction}\">\n<head>\n\
             <meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n\
             {form}</main>\n</body>\n</html>\n"
        )
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark;font:1.0625rem/1.6 system-ui,sans-serif}\
body{margin:0;display:grid;min-height:100vh;place-items:center}\
main{max-width:30rem;padding:2rem 1.5rem}\
h1{font-size:1.4rem;line-height:1.3}\
button{display:block;width:100%;margin:.75rem 0;padding:.8rem 1rem;font:inherit;\
border:1px solid;border-radius:.5rem;background:transparent;color:inherit;cursor:pointer}\
button:hover,button:focus-visible{background:color-mix(in srgb,currentColor 12%,transparent)}";

fn button(value: &str, label: &str) -> String {
    format!("<button name=\"stop\" value=\"{value}\">{label}</button>")
}

/// Text that is no markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_offers_what_can_be_stopped() {
        let words = Words::accepted("en");
        let html = |topic: Option<&str>, necessary| {
            Page::Choice { topic: topic.map(str::to_owned), necessary }.html(words)
        };
        insta::assert_snapshot!(html(Some("service"), false));
        let both = |html: &str| (html.contains("value=\"topic\""), html.contains("value=\"all\""));
        assert_eq!(both(&html(Some("service"), false)), (true, true));
        assert_eq!(both(&html(Some("security"), true)), (false, true));
        assert_eq!(both(&html(None, false)), (false, true));
        assert_eq!(both(&Page::AllStopped.html(words)), (false, false));
        assert_eq!(both(&Page::Unknown.html(words)), (false, false));
    }

    #[test]
    fn a_topic_is_never_markup() {
        let topic = "<script>alert('a & b')</script>".to_owned();
        let html = Page::TopicStopped { topic }.html(Words::accepted("de"));
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;a &amp; b&#39;)"), "{html}");
    }
}
