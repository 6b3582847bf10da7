// What every page's script is made of; a page works without it, and is fresher and handier with it.

import { start as copy } from "./copy.mjs";
import { start as fold } from "./fold.mjs";
import { start as live } from "./live.mjs";
import { reveal } from "./reveal.mjs";
import { start as select } from "./select.mjs";
import { start as theme } from "./theme.mjs";
import { start as times } from "./times.mjs";

reveal(document);
for (const start of [theme, times, copy, fold, select, live]) start();
