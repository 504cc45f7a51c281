//! The HTML document around a message: one file, nothing to load, readable in any mail program, on
//! paper as light or dark as its reader likes it. No word of a message is made here.

use icu_locale_core::LanguageIdentifier;

use super::ending::LastLines;
use super::engine::escape;
use super::locale::is_right_to_left;
use super::style;

const FONT: &str = "system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,'Noto Sans',\
    'Noto Sans Thai','Leelawadee UI',sans-serif";

/// The document. `content` is HTML already; everything else is plain text.
pub(super) fn document(
    subject: &str,
    content: &str,
    last: &LastLines,
    language: &LanguageIdentifier,
) -> String {
    let direction = if is_right_to_left(language) { "rtl" } else { "ltr" };
    let align = if direction == "rtl" { "right" } else { "left" };
    // Some mail programs keep only what stands in the body.
    let tongue = format!("lang=\"{language}\" dir=\"{direction}\"");
    format!(
        "<!DOCTYPE html>\n<html {tongue}>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"supported-color-schemes\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{head}</style>\n</head>\n\
         <body class=\"page\" style=\"margin:0;padding:0;background:#f3f5f8\">\n\
         <table role=\"presentation\" class=\"page\" width=\"100%\" cellpadding=\"0\" \
         cellspacing=\"0\" border=\"0\" style=\"background:#f3f5f8\">\n\
         <tr><td class=\"edge\" align=\"center\" style=\"padding:24px 12px\">\n\
         <!--[if mso]><table role=\"presentation\" width=\"600\"><tr><td><![endif]-->\n\
         <div {tongue} style=\"max-width:600px;margin:0 auto;text-align:{align};\
         font-family:{FONT};font-size:16px;line-height:1.6;overflow-wrap:break-word\">\n\
         <div class=\"card\" style=\"padding:32px 36px 16px;border-radius:12px;background:#ffffff;\
         color:#1d2430\">\n{content}</div>\n{foot}</div>\n\
         <!--[if mso]></td></tr></table><![endif]-->\n</td></tr>\n</table>\n</body>\n</html>\n",
        title = escape(subject),
        head = style::HEAD,
        foot = foot(last),
    )
}

fn foot(last: &LastLines) -> String {
    let because = last.because.as_deref().map(escape);
    let stop = last.stop.as_ref().map(|(words, page)| match page {
        Some(page) => format!(
            "<a href=\"{}\" style=\"color:#5b6470;text-decoration:underline\">{}</a>",
            escape(page),
            escape(words)
        ),
        None => escape(words),
    });
    let line = |line: String| format!("<p style=\"margin:0 0 6px\">{line}</p>\n");
    let lines: String = because.into_iter().chain(stop).map(line).collect();
    if lines.is_empty() {
        return lines;
    }
    format!(
        "<div class=\"foot\" style=\"padding:16px 36px;font-size:13px;line-height:1.5;\
         color:#5b6470\">\n{lines}</div>\n"
    )
}
