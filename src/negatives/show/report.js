"use strict";
// Copy buttons for the commands, and for the pairs: all of them, filters, pages. Without this
// script the page shows the first fifty pairs and nothing is missing but the others.
(() => {
  const make = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  for (const box of document.querySelectorAll(".first .command, .body .command")) {
    const button = make("button", "Copy");
    button.type = "button";
    const command = box.querySelector("code");
    button.setAttribute("aria-label", "Copy: " + command.textContent);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(command);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    box.classList.add("copyable");
    box.append(button);
  }

  const list = document.querySelector(".pairs");
  if (!list) return;
  const rest = document.getElementById("more-pairs");
  if (rest) list.append(rest.content);
  const pairs = [...list.querySelectorAll(".pair")];
  const words = new Map(pairs.map((pair) => [pair, pair.textContent.toLowerCase()]));
  const form = document.querySelector(".filters");
  const pager = document.querySelector(".pager");
  const count = pager.querySelector("span");
  const [back, on] = pager.querySelectorAll("button");
  const SIZE = 12;
  let page = 0;

  const within = (value, low, high) => {
    if (low === "" && high === "") return true;
    if (value === "") return false;
    return (low === "" || +value >= +low) && (high === "" || +value <= +high);
  };
  const has = (list, wanted) => !wanted || list.split("\n").includes(wanted);

  const show = () => {
    const asked = Object.fromEntries(new FormData(form));
    const looked = asked.search.toLowerCase().split(/\s+/).filter(Boolean);
    const found = pairs.filter((pair) =>
      has(pair.dataset.list, asked.list)
      && has(pair.dataset.sources, asked.source)
      && (!asked.rule || pair.dataset.rule === asked.rule)
      && within(pair.dataset.p, asked.plow, asked.phigh)
      && within(pair.dataset.hardness, asked.hlow, asked.hhigh)
      && looked.every((word) => words.get(pair).includes(word)));
    page = Math.max(0, Math.min(page, Math.ceil(found.length / SIZE) - 1));
    const first = page * SIZE;
    const shown = new Set(found.slice(first, first + SIZE));
    for (const pair of pairs) pair.hidden = !shown.has(pair);
    const last = Math.min(first + SIZE, found.length);
    count.textContent = found.length
      ? `${first + 1} to ${last} of ${found.length} pairs` : "no pair is like that";
    back.disabled = page === 0;
    on.disabled = last >= found.length;
  };
  const turn = (by) => {
    page += by;
    show();
    list.scrollIntoView({ block: "nearest" });
  };

  form.addEventListener("input", () => { page = 0; show(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  back.addEventListener("click", () => turn(-1));
  on.addEventListener("click", () => turn(1));
  addEventListener("beforeprint", () => pairs.forEach((pair) => { pair.hidden = false; }));
  addEventListener("afterprint", show);
  form.hidden = pager.hidden = false;
  show();
})();
