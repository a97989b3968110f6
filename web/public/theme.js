// Before the first paint, so that a dark page does not flash white.
try {
  const chosen = localStorage.getItem("fakeweb.theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // no storage: the system's choice holds
}
