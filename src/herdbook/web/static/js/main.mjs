import "./live.mjs";
