//! How a message looks: a style for what Markdown makes, written into each element once, when a
//! template is loaded. Nothing is loaded from anywhere, and nothing here sees data.

use css_inline::CSSInliner;

/// What holds on the screen of somebody who likes it dark, and on a narrow one. Mail programs that
/// leave it out show the light one; those that invert colours find both ink and paper said.
pub(super) const HEAD: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (max-width:480px){
.edge{padding:0!important}
.card{padding:24px 20px 8px!important;border-radius:0!important}
.foot{padding:16px 20px 24px!important}
}
@media (prefers-color-scheme:dark){
.page{background:#14181e!important}
.card{background:#1e242d!important;color:#e6e9ee!important}
.card a{color:#8ab4f8!important}
.card .button a{background:#8ab4f8!important;color:#10151c!important}
.card pre{background:#14181e!important}
.card blockquote{color:#b9c2cd!important}
.card blockquote,.card hr,.card th,.card td{border-color:#3d4653!important}
.foot,.foot a{color:#a3adba!important}
}
";

/// `START` and `END` are the sides on which a line of the language starts and ends: logical
/// properties are unknown to many a mail program.
const MESSAGE: &str = "\
p{margin:0 0 16px}
h1{margin:8px 0 12px;font-size:24px;line-height:1.35;font-weight:600}
h2{margin:24px 0 12px;font-size:20px;line-height:1.35;font-weight:600}
h3,h4,h5,h6{margin:20px 0 8px;font-size:17px;line-height:1.4;font-weight:600}
ul,ol{margin:0 0 16px;padding:0;padding-START:24px}
li{margin:0 0 8px}
li>p{margin:0 0 8px}
a{color:#1a56b0;text-decoration:underline}
p.button{margin:8px 0 24px}
p.button a{display:inline-block;padding:12px 24px;border-radius:8px;background:#1a56b0;\
color:#ffffff;font-weight:600;text-decoration:none}
blockquote{margin:0 0 16px;padding:2px 0;padding-START:16px;border-START:3px solid #c9d0d9;\
color:#4a5462}
blockquote>p:last-child{margin:0}
hr{margin:24px 0;border:0;border-top:1px solid #d9dde3}
code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:15px}
pre{margin:0 0 16px;padding:12px 16px;border-radius:8px;background:#f3f5f8;white-space:pre-wrap;\
overflow-wrap:anywhere;direction:ltr;text-align:left}
img{max-width:100%;height:auto;border:0}
div.table{margin:0 0 16px;overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:15px;line-height:1.5}
th{padding:8px 0;padding-END:16px;border-bottom:2px solid #c9d0d9;text-align:START;font-weight:600}
td{padding:8px 0;padding-END:16px;border-bottom:1px solid #e1e5ea;text-align:START;\
vertical-align:top}
th:last-child,td:last-child{padding-END:0}
";

/// A piece of HTML with its style in it.
pub(super) fn inline(html: &str, right_to_left: bool) -> String {
    let (start, end) = if right_to_left { ("right", "left") } else { ("left", "right") };
    let css = MESSAGE.replace("START", start).replace("END", end);
    let inliner = CSSInliner::options().load_remote_stylesheets(false).build();
    inliner.inline_fragment(html, &css).unwrap_or_else(|_| html.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_bears_its_style_and_nothing_else_changes() {
        let html = "<!--lktag0x--><p class=\"button\"><a href=\"https://x.example/?a=1&amp;b=2\">Go &amp; see</a></p>\n<ul>\n<li>a</li>\n</ul>\n";
        let styled = inline(html, false);
        assert!(styled.contains("<a href=\"https://x.example/?a=1&amp;b=2\" style=\""), "{styled}");
        assert!(styled.contains("color: #ffffff"), "{styled}");
        assert!(styled.contains("padding-left: 24px"), "{styled}");
        assert!(inline(html, true).contains("padding-right: 24px"));
        let bare = super::super::tests::without_style(&styled);
        assert_eq!(bare, html);
    }

    #[test]
    fn a_table_keeps_what_stands_between_its_rows() {
        let html = "<table><thead><tr><th>a</th></tr></thead><tbody>\n<!--lktag1x--><tr><td style=\"text-align: right\">b</td></tr>\n<!--lktag2x--></tbody></table>\n";
        let styled = inline(html, false);
        assert!(styled.contains("</thead>"), "{styled}");
        let order =
            ["lktag1x", "<tr", "lktag2x", "</tbody>"].map(|part| styled.rfind(part).unwrap());
        assert!(order.is_sorted(), "{styled}");
        assert!(styled.contains("text-align: right"), "{styled}");
        assert!(!styled.contains("text-align: left;text-align"), "{styled}");
    }
}
