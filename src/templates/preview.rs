//! One self-contained page that shows messages as they will look. Nothing on it runs: each HTML
//! message stands in a sandboxed frame of its own.

use super::Message;
use super::engine::escape;

/// What tells this page from every other one.
pub const MARK: &str = "<meta name=\"generator\" content=\"lookout preview\">";

/// A message on the page.
#[derive(Clone, Debug)]
pub struct Previewed {
    /// The channel that it would take.
    pub channel: String,
    /// The locale that was asked for; "" is the default.
    pub locale: String,
    /// Whom it is for, as the reader of the page knows them.
    pub customer: String,
    /// The words.
    pub message: Message,
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6470;--line:#d9dde3;--page:#f3f5f8;--card:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#9aa4b2;--line:#333b47;--page:#14181e;--card:#1c222b}}
*{box-sizing:border-box}
body{margin:0;padding:32px clamp(16px,4vw,48px);background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}
h1{margin:0 0 4px;font-size:24px}
h2{margin:32px 0 12px;font-size:17px}
.count{margin:0;color:var(--soft)}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:20px}
article{background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden}
header{padding:14px 16px;border-bottom:1px solid var(--line)}
header strong{display:block;overflow-wrap:anywhere}
.for{color:var(--soft);font-size:13px}
.tag{display:inline-block;margin-inline-end:6px;padding:0 8px;border:1px solid var(--line);border-radius:999px}
iframe{display:block;width:100%;height:600px;border:0;background:#fff;color-scheme:light}
details{border-top:1px solid var(--line)}
summary{padding:10px 16px;cursor:pointer;color:var(--soft);font-size:13px}
pre{margin:0;padding:14px 16px;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.6 ui-monospace,'Cascadia Mono',Menlo,Consolas,monospace}
";

/// The page: a section a channel in the order of first appearance, the locales side by side.
/// E-mail is shown as HTML with its text part below; any other channel as text.
pub fn page(title: &str, messages: &[Previewed]) -> String {
    let mut channels: Vec<&str> = Vec::new();
    for previewed in messages {
        if !channels.contains(&previewed.channel.as_str()) {
            channels.push(&previewed.channel);
        }
    }
    let sections: String = channels
        .into_iter()
        .map(|channel| {
            let articles: String =
                messages.iter().filter(|m| m.channel == channel).map(article).collect();
            format!(
                "<section>\n<h2>{}</h2>\n<div class=\"row\">\n{articles}</div>\n</section>\n",
                escape(channel)
            )
        })
        .collect();
    let count = match messages.len() {
        1 => "1 message".to_owned(),
        many => format!("{many} messages"),
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{MARK}\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p class=\"count\">{count}. Nothing was sent.</p>\n{sections}</body>\n</html>\n",
        title = escape(title),
    )
}

fn article(previewed: &Previewed) -> String {
    let message = &previewed.message;
    let asked = if previewed.locale.is_empty() { "default" } else { &previewed.locale };
    let used = if message.locale.is_empty() { "default" } else { &message.locale };
    let locale = if asked == used { asked.to_owned() } else { format!("{asked} → {used}") };
    let text = escape(&message.text);
    let body = if previewed.channel == crate::domain::Channel::EMAIL {
        format!(
            "<iframe sandbox title=\"{title}\" srcdoc=\"{html}\"></iframe>\n\
             <details><summary>Plain text</summary><pre dir=\"auto\">{text}</pre></details>\n",
            title = escape(&message.subject),
            html = escape(&message.html),
        )
    } else {
        format!("<pre dir=\"auto\">{text}</pre>\n")
    };
    format!(
        "<article>\n<header><strong dir=\"auto\">{}</strong><span class=\"for\">\
         <span class=\"tag\">{}</span>{}</span></header>\n{body}</article>\n",
        escape(&message.subject),
        escape(&locale),
        escape(&previewed.customer),
    )
}
