// The page is complete without this: it only hides what is not asked for, and opens what is pointed at.
(() => {
  "use strict";
  const form = document.getElementById("filter");
  const checks = [...document.querySelectorAll("[data-check]")];
  const groups = [...document.querySelectorAll(".matrix tbody, .group")];

  const wanted = () => ({
    words: form.q.value.toLowerCase().split(/\s+/).filter(Boolean),
    outcome: form.outcome.value,
    level: form.level.value,
  });

  const shows = ({ dataset }, { words, outcome, level }) => {
    const outcomes = dataset.outcomes.split(" ");
    return words.every((word) => dataset.text.includes(word)) &&
      (!level || dataset.levels.split(" ").includes(level)) &&
      (!outcome || outcomes.includes(outcome) ||
        (outcome === "not-pass" && outcomes.some((one) => one !== "pass" && one !== "not-applicable")));
  };

  const filter = () => {
    const asked = wanted();
    for (const check of checks) check.hidden = !shows(check, asked);
    for (const group of groups) group.hidden = !group.querySelector("[data-check]:not([hidden])");
    const all = document.querySelectorAll("details[data-check]");
    const shown = document.querySelectorAll("details[data-check]:not([hidden])");
    form.querySelector("output").textContent = `${shown.length} of ${all.length} checks`;
  };

  const remember = () => {
    const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", asked.size ? `#${asked}` : location.pathname + location.search);
  };

  // A fragment is either a filter, such as `#outcome=fail&q=del`, or the id of something on the page.
  const follow = () => {
    const fragment = location.hash.slice(1);
    if (fragment.includes("=")) {
      const asked = new URLSearchParams(fragment);
      for (const name of ["q", "outcome", "level"]) form[name].value = asked.get(name) ?? "";
      filter();
      return;
    }
    let target = null;
    try {
      target = document.getElementById(decodeURIComponent(fragment));
    } catch {
      return;
    }
    if (!target) return;
    if (target.hidden) {
      form.reset();
      filter();
    }
    if (target instanceof HTMLDetailsElement) target.open = true;
    target.scrollIntoView();
  };

  if (!form) return;
  form.hidden = false;
  form.addEventListener("input", () => { filter(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    form.q.focus();
  });
  addEventListener("hashchange", follow);
  filter();
  follow();
})();
