"use strict";
// A click on a time in the conversation plays the recording from there.
document.addEventListener("click", (event) => {
  const time = event.target.closest("button.hl-time");
  const player = document.getElementById("recording");
  if (!time || !player) {
    return;
  }
  event.preventDefault();
  player.currentTime = Number(time.dataset.second);
  player.play().catch(() => undefined);
});

// A filter with many choices is a menu: choosing is filtering.
document.addEventListener("change", (event) => {
  if (event.target.matches("select.hl-menu")) {
    window.location.search = event.target.value;
  }
});
