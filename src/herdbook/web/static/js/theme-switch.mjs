// The theme switch: buttons with `data-theme-choice` (light, dark or system) inside `data-theme-switch`.
// `initial-theme.js` applies the choice before the page is drawn.

const root = document.documentElement;

function show() {
  const theme = root.dataset.theme ?? "system";
  for (const button of document.querySelectorAll("[data-theme-switch] [data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
  }
}

function apply(theme) {
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  else delete root.dataset.theme;
  show();
}

function choose(theme) {
  apply(theme);
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Without storage, the choice lasts for this page only.
  }
}

export function start() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-switch] [data-theme-choice]");
    if (button) choose(button.dataset.themeChoice);
  });
  // Follow the choice made in another tab.
  addEventListener("storage", (event) => {
    if (event.key === "theme") apply(event.newValue);
  });
  show();
}
