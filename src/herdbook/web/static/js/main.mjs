// The script of every page. Pages work without it; with it they update themselves and are more convenient.

import { start as collapse } from "./collapse.mjs";
import { start as copyButtons } from "./copy-buttons.mjs";
import { start as liveRegions } from "./live-regions.mjs";
import { start as relativeTimes } from "./relative-times.mjs";
import { revealControls } from "./reveal-controls.mjs";
import { start as rowSelection } from "./row-selection.mjs";
import { start as themeSwitch } from "./theme-switch.mjs";

revealControls(document);
for (const start of [themeSwitch, relativeTimes, copyButtons, collapse, rowSelection, liveRegions]) start();
