// Runs before the page is drawn, so that it does not flash in the wrong colours. The switch is `theme-switch.mjs`.
{
  let theme = null;
  try {
    theme = localStorage.getItem("theme");
  } catch {
    // Without storage, the page follows the system theme.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
