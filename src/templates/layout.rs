//! The HTML document around a message: one file, nothing to load, readable in any mail program.

use super::engine::escape;
use super::locale::is_right_to_left;

const FONT: &str = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,\
    'Noto Sans',sans-serif";

/// The document. `content` is HTML already; everything else is plain text.
pub(super) fn document(
    subject: &str,
    content: &str,
    because: Option<&str>,
    locale: &str,
) -> String {
    let language =
        if locale.is_empty() { String::new() } else { format!(" lang=\"{}\"", escape(locale)) };
    let direction = if is_right_to_left(locale) { "rtl" } else { "ltr" };
    let because = because.map_or_else(String::new, |because| {
        format!(
            "<p style=\"margin:32px 0 0;padding-top:12px;border-top:1px solid #d9dde3;\
             font-size:13px;line-height:1.5;color:#5b6470\">{}</p>\n",
            escape(because)
        )
    });
    format!(
        "<!DOCTYPE html>\n<html{language} dir=\"{direction}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n</head>\n\
         <body style=\"margin:0;padding:24px 16px;{FONT};font-size:16px;line-height:1.6\">\n\
         <div style=\"max-width:600px;margin:0 auto\">\n{content}{because}</div>\n</body>\n</html>\n",
        title = escape(subject),
    )
}
