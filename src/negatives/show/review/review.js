// Judging by keys, without loading the page anew. Without this script every button still works.
"use strict";
(() => {
  const main = document.querySelector("main#main");
  let busy = false;

  const fetched = async (address, options = {}) => {
    const answer = await fetch(address, { ...options, headers: { ...options.headers, "x-part": "1" } });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.text();
  };

  const say = (text) => {
    const told = document.getElementById("told");
    if (told) told.textContent = text;
  };

  // What is found out in the background is asked for until it is known.
  let waiting = 0;
  const follow = (tries = 0) => {
    clearTimeout(waiting);
    const desk = document.getElementById("pair");
    const headway = document.getElementById("headway");
    if (!desk || !headway || !("behind" in headway.dataset) || tries > 40) return;
    waiting = setTimeout(async () => {
      try {
        const html = await fetched("/headway?order=" + encodeURIComponent(desk.dataset.order));
        const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("headway");
        const shown = document.getElementById("headway");
        // Only texts that differ are written, so that a reader of the screen hears what is new.
        for (const id of ["bound", "won"]) {
          const [one, other] = [shown.querySelector("#" + id), fresh.querySelector("#" + id)];
          if (one.textContent !== other.textContent) one.textContent = other.textContent;
        }
        if (!("behind" in fresh.dataset)) delete shown.dataset.behind;
      } catch { return; }
      follow(tries + 1);
    }, 350);
  };

  const take = (html) => {
    // The live region stays in the page: a new one would not be read out.
    const live = document.querySelector("#headway .live");
    main.innerHTML = html;
    const fresh = document.querySelector("#headway .live");
    if (live && fresh) {
      for (const id of ["bound", "won"]) {
        const [one, other] = [live.querySelector("#" + id), fresh.querySelector("#" + id)];
        if (one.textContent !== other.textContent) one.textContent = other.textContent;
      }
      fresh.replaceWith(live);
    }
    window.scrollTo(0, 0);
    keys();
    follow();
  };

  const send = async (form, button) => {
    if (busy) return;
    busy = true;
    const fields = new URLSearchParams(new FormData(form));
    if (button.name) fields.set(button.name, button.value);
    const action = button.getAttribute("formaction") || form.getAttribute("action");
    button.classList.add("pressed");
    try {
      take(await fetched(action, {
        method: "POST", body: fields,
        headers: { "content-type": "application/x-www-form-urlencoded" },
      }));
      say(button.textContent.trim().slice(1).trim() + ". Next pair.");
      main.focus({ preventScroll: true });
    } catch (error) {
      const offline = error instanceof TypeError;
      problem(offline ? "The server does not answer: this verdict is not written. Start it again, "
        + "and open the address that it prints; all others are kept." : "That was refused. Load the page again.");
    } finally { busy = false; button.classList.remove("pressed"); }
  };

  const problem = (text) => {
    let box = document.getElementById("problem");
    if (!box) {
      box = document.createElement("p");
      box.id = "problem";
      box.setAttribute("role", "alert");
      main.prepend(box);
    }
    box.textContent = text;
    window.scrollTo(0, 0);
  };

  const keys = () => {
    const box = document.getElementById("keys");
    if (!box) return;
    box.checked = localStorage.getItem("keys") !== "off";
    box.addEventListener("change", () => localStorage.setItem("keys", box.checked ? "on" : "off"));
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".verdicts") || !event.submitter) return;
    event.preventDefault();
    send(form, event.submitter);
  });

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a.more");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const rest = link.closest(".rest");
    try {
      const html = await fetched(link.getAttribute("href"));
      rest.outerHTML = html;
    } catch { window.open(link.href, "_blank"); }
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const field = event.target.matches("input:not([type=checkbox]), textarea, select");
    if (field) {
      if (event.key === "Escape") event.target.blur();
      if (event.key === "Enter" && event.target.closest(".verdicts")) {
        event.preventDefault(); // the first button would judge the pair
        event.target.blur();
      }
      return;
    }
    const box = document.getElementById("keys");
    if (!box || !box.checked || event.repeat) return;
    const focus = document.querySelector(`[data-focus="${CSS.escape(event.key)}"]`);
    if (focus) { event.preventDefault(); focus.focus(); return; }
    const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
    if (button) { event.preventDefault(); send(button.form, button); }
  });

  keys();
  follow();
})();
