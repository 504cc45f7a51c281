//! Plots as inline SVG and plain HTML. Only rectangles are drawn in SVG, which may be stretched; what
//! is read is text of the page, so that it stays legible at any width. Labels are HTML.

/// A stacked column of a plot.
pub(super) struct Column {
    /// What stands beneath it; empty for nothing.
    pub(super) label: String,
    /// From the bottom up.
    pub(super) parts: Vec<Part>,
}

/// A stacked bar beside its label.
pub(super) struct Bar {
    /// What it is.
    pub(super) label: String,
    /// From the start on.
    pub(super) parts: Vec<Part>,
}

/// One part of a column or a bar.
pub(super) struct Part {
    /// Its place among the colours.
    pub(super) colour: usize,
    /// Its size.
    pub(super) count: u64,
    /// What it says when it is pointed at.
    pub(super) said: String,
}

/// The height of a plot in its own units; a column is ten wide.
const HEIGHT: f64 = 100.0;
const WIDE: usize = 10;
/// A part this high has no gap around it.
const THIN: f64 = 3.0;

/// Columns side by side, over a line, with a scale beside them.
pub(super) fn columns(title: &str, columns: &[Column]) -> String {
    let sums = columns.iter().map(|column| column.parts.iter().map(|part| part.count).sum::<u64>());
    let (step, top) = scale(sums.max().unwrap_or(0));
    let unit = HEIGHT / top as f64;
    let mut drawn = String::new();
    let width = columns.len() * WIDE;
    for line in (step..=top).step_by(step as usize) {
        let y = HEIGHT - line as f64 * unit;
        drawn.push_str(&format!(
            "<line class=\"grid\" x1=\"0\" x2=\"{width}\" y1=\"{y:.2}\" y2=\"{y:.2}\"/>\n"
        ));
    }
    for (place, column) in columns.iter().enumerate() {
        let mut y = HEIGHT;
        for Part { colour, count, said } in &column.parts {
            let height = *count as f64 * unit;
            y -= height;
            // A gap between parts; what is thin would vanish behind it.
            let gap = if height > THIN { " g" } else { "" };
            drawn.push_str(&format!(
                "<rect class=\"f{colour}{gap}\" x=\"{}\" y=\"{y:.2}\" width=\"{}\" height=\"{height:.2}\">\
                 <title>{said}</title></rect>\n",
                place * WIDE + 1,
                WIDE - 2,
            ));
        }
    }
    let scale = (0..=top).step_by(step as usize).map(|line| {
        let from_top = 100.0 - line as f64 / top as f64 * 100.0;
        format!("<span style=\"top:{from_top:.2}%\">{line}</span>")
    });
    let scale: String = scale.collect();
    format!(
        "<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\"><b class=\"sizer\">{top}</b>{scale}</div>\
         <svg role=\"img\" viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" \
         aria-label=\"{title}\">\n<title>{title}</title>\n{drawn}</svg>\
         <div class=\"x\" aria-hidden=\"true\">{}</div></div>\n",
        labels(columns)
    )
}

/// How many characters of labels a narrow screen has room for.
const NARROW: usize = 40;

/// The labels beneath columns, as many as there is room for; on a narrow screen every third, where
/// not all fit.
fn labels(columns: &[Column]) -> String {
    let mut free = 0.0;
    let mut shown = Vec::new();
    for (place, column) in columns.iter().enumerate().filter(|(_, c)| !c.label.is_empty()) {
        let from = place as f64 / columns.len() as f64 * 100.0;
        let room = column.label.chars().count() as f64 * 0.9 + 1.0;
        if from >= free && from + room <= 100.0 {
            free = from + room;
            shown.push((from, &column.label));
        }
    }
    let characters: usize = shown.iter().map(|(_, label)| label.chars().count() + 2).sum();
    let label = |(place, (from, label)): (usize, &(f64, &String))| {
        let minor = characters > NARROW && place % 3 != 0;
        let class = if minor { " class=\"minor\"" } else { "" };
        format!("<span{class} style=\"left:{from:.2}%\">{label}</span>")
    };
    shown.iter().enumerate().map(label).collect()
}

/// The distance of the lines of a scale, and its end: at most five lines, at round numbers.
fn scale(most: u64) -> (u64, u64) {
    let least = most.max(1).div_ceil(5);
    let decades = (0..18).map(|power| 10_u64.pow(power));
    let round = decades.flat_map(|ten| [ten, 2 * ten, 5 * ten]);
    let step = round.into_iter().find(|step| *step >= least).unwrap_or(least);
    (step, most.max(1).div_ceil(step) * step)
}

/// Bars beneath one another, each beside its label, the longest as long as there is room.
pub(super) fn bars(bars: &[Bar]) -> String {
    let sum = |bar: &Bar| bar.parts.iter().map(|part| part.count).sum::<u64>();
    let most = bars.iter().map(sum).max().unwrap_or(1).max(1);
    let bar = |bar: &Bar| {
        let sum = sum(bar);
        let parts = bar.parts.iter().map(|Part { colour, count, said }| {
            format!("<span class=\"b{colour}\" style=\"flex:{count}\" title=\"{said}\"></span>")
        });
        let width = sum as f64 / most as f64 * 100.0;
        format!(
            "<dt>{}</dt><dd><span class=\"bar\" style=\"width:{width:.2}%\">{}</span>\
             <span class=\"sum\">{sum}</span></dd>\n",
            bar.label,
            parts.collect::<String>()
        )
    };
    format!("<dl class=\"bars\">\n{}</dl>\n", bars.iter().map(bar).collect::<String>())
}

/// What the colours mean; those that share the last one stand together.
pub(super) fn legend(entries: impl Iterator<Item = (usize, String)>) -> String {
    let entries =
        entries.map(|(colour, name)| format!("<li><i class=\"b{colour}\"></i>{name}</li>"));
    format!("<ul class=\"legend\">{}</ul>\n", entries.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        for (most, expected) in
            [(0, (1, 1)), (1, (1, 1)), (5, (1, 5)), (6, (2, 6)), (23, (5, 25)), (101, (50, 150))]
        {
            assert_eq!(scale(most), expected, "{most}");
        }
    }
}
