// The desk's keys and questions. Everything works without it.
(() => {
  const rows = () => [...document.querySelectorAll("[data-row]")].filter((r) => r.offsetParent);
  const current = () => document.activeElement?.closest("[data-row]");
  const typing = (el) => el.matches("input, textarea, select, [contenteditable]");

  function move(step) {
    const all = rows();
    const at = all.indexOf(current());
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    if (!next) return;
    next.tabIndex = -1;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key;
    if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
    else if (key === "?") document.getElementById("help")?.showModal();
    else if (key === "/") document.querySelector('[data-focus="/"]')?.focus();
    else if (/^[a-z]$/.test(key)) {
      const pressed = current()?.querySelector(`[data-key="${key}"]`) ?? document.querySelector(`.actions [data-key="${key}"], .head-action [data-key="${key}"]`);
      pressed?.click();
      pressed?.closest("details.edit[open]")?.querySelector("input:not([type=hidden])").focus();
    } else return;
    event.preventDefault();
  });

  // Escape closes an editor; what was written stays in it.
  document.addEventListener("keydown", (event) => {
    const editor = event.key === "Escape" && event.target.closest("details.edit[open]");
    if (!editor) return;
    editor.open = false;
    editor.querySelector("summary").focus();
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) return event.preventDefault();
    const slow = event.target.querySelector("[data-busy]");
    if (!slow) return;
    if (slow.ariaDisabled) return event.preventDefault();
    slow.dataset.idle = slow.textContent;
    slow.textContent = slow.dataset.busy;
    slow.ariaDisabled = "true";
  });

  // Whoever goes back finds the button as it was.
  window.addEventListener("pageshow", () => {
    for (const slow of document.querySelectorAll("[data-idle]")) {
      slow.textContent = slow.dataset.idle;
      slow.ariaDisabled = null;
    }
  });

  // What was just done is heard: only what changes in a live region is read out.
  for (const said of document.querySelectorAll(".flash[role], .problem[role]")) {
    setTimeout(() => { said.textContent = said.textContent; }, 150);
  }

  // So is what a search found: the rows are exchanged, the live region stays.
  const found = document.getElementById("found");
  if (found) new MutationObserver(() => {
    const count = document.querySelector("#rows .pager p")?.textContent;
    found.textContent = count ? `${count} found` : document.querySelector("#rows .empty p")?.textContent ?? "";
  }).observe(found.parentElement, { childList: true });

  // On a phone the nouns stand in a row that is longer than the screen.
  document.querySelector(".nav li [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // What goes on by itself is looked at again every two seconds; once it goes on
  // otherwise, or is over, the whole page is.
  const look = async () => {
    if (!document.hidden) {
      try {
        const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
        const was = document.querySelector("[data-live]"), now = page.querySelector("[data-live]");
        if (was.dataset.live === now?.dataset.live) was.replaceWith(now);
        else if (!typing(document.activeElement)) return location.reload(); // else what is being written would be lost
      } catch {} // the server is away; it is asked again
    }
    setTimeout(look, 2000);
  };
  if (document.querySelector("[data-live]")) setTimeout(look, 2000);

  const timer = document.querySelector("[data-until]");
  const until = timer && Date.now() + 1000 * Number(timer.dataset.until);
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left < 0) return location.reload();
    timer.textContent = left < 60 ? `${left} s` : `${Math.floor(left / 60)} min ${left % 60} s`;
    setTimeout(tick, 1000);
  };
  if (timer) tick();
})();
