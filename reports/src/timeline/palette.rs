//! The timeline's inks: one table for light and for dark.
//!
//! The SVG carries the light colours, so that it stands alone; the page's style sheet replaces each of them by its
//! dark twin where the reader prefers that, and dashes the lines that must differ by more than their colour.

use plotters::style::RGBColor;
use std::fmt::Write;

/// A colour with its twin for dark pages, and how a line in it is dashed (in hundredths of a pixel of the page).
pub(super) struct Ink {
    pub(super) light: RGBColor,
    dark: &'static str,
    dash: &'static str,
}

const fn ink(rgb: u32, dark: &'static str, dash: &'static str) -> Ink {
    Ink { light: RGBColor((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8), dark, dash }
}

pub(super) static TEXT: Ink = ink(0x001f_2328, "#e6e8eb", "");
pub(super) static MUTED: Ink = ink(0x0057_606a, "#a3adb8", "");
pub(super) static GRID: Ink = ink(0x00e4_e7eb, "#2a3037", "");
pub(super) static AXIS: Ink = ink(0x00b1_b8c0, "#4d5661", "");
pub(super) static PHASE: Ink = ink(0x00e9_edf2, "#262c34", "");
pub(super) static PHASE_OTHER: Ink = ink(0x00d9_e0e8, "#333b45", "");
pub(super) static FAULT: Ink = ink(0x00d9_480f, "#ff922b", "");
pub(super) static FAULT_BAND: Ink = ink(0x00f7_6707, "#ff9f43", "");
pub(super) static OFFERED: Ink = ink(0x0049_5057, "#c1c9d2", "20 12");
pub(super) static ACCEPTED: Ink = ink(0x001c_6dc0, "#5cb0ff", "");
pub(super) static P50: Ink = ink(0x0074_a9d8, "#4f83b5", "");
pub(super) static P95: Ink = ink(0x0018_5fa5, "#79bdff", "");
pub(super) static P99: Ink = ink(0x006b_3fa0, "#c9a6ff", "8 8");
pub(super) static FAIL: Ink = ink(0x00a5_1d2d, "#ff6b6b", "");
pub(super) static INDETERMINATE: Ink = ink(0x00e0_9f3e, "#ffd08a", "");
pub(super) static UNSENT: Ink = ink(0x0098_a2ae, "#7c8794", "");
pub(super) static GAUGE: Ink = ink(0x000b_7285, "#3bc9db", "");
pub(super) static CPU: [Ink; 6] = [
    ink(0x0014_5388, "#74b9ff", ""),
    ink(0x00b3_4700, "#ffa94d", "24 8"),
    ink(0x002b_7a3d, "#69db7c", "8 8"),
    ink(0x008a_3ffc, "#d0a9ff", "28 8 6 8"),
    ink(0x00a0_1e5d, "#ff8fc0", "14 8"),
    ink(0x006b_7683, "#98a4b1", "4 8"),
];

fn inks() -> impl Iterator<Item = &'static Ink> {
    [
        &TEXT,
        &MUTED,
        &GRID,
        &AXIS,
        &PHASE,
        &PHASE_OTHER,
        &FAULT,
        &FAULT_BAND,
        &OFFERED,
        &ACCEPTED,
        &P50,
        &P95,
        &P99,
        &FAIL,
        &INDETERMINATE,
        &UNSENT,
        &GAUGE,
    ]
    .into_iter()
    .chain(&CPU)
}

/// The style rules of the figure with the class `class`: dashes, and the colours of a dark page.
pub(super) fn style(class: &str) -> String {
    let mut rules = String::new();
    let hex = |ink: &Ink| format!("#{:02X}{:02X}{:02X}", ink.light.0, ink.light.1, ink.light.2);
    // Writing to a string cannot fail.
    for ink in inks().filter(|ink| !ink.dash.is_empty()) {
        let _ = writeln!(rules, ".{class} [stroke=\"{}\"]{{stroke-dasharray:{}}}", hex(ink), ink.dash);
    }
    rules.push_str("@media screen and (prefers-color-scheme:dark){\n");
    for ink in inks() {
        let (hex, dark) = (hex(ink), ink.dark);
        let _ = writeln!(rules, ".{class} [fill=\"{hex}\"]{{fill:{dark}}}.{class} [stroke=\"{hex}\"]{{stroke:{dark}}}");
    }
    rules.push_str("}\n");
    rules
}
