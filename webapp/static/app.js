// The page works without this script. It adds sliders, and predicts while you type (the server draws, this swaps).
"use strict";

const form = document.querySelector("#form");
const swapped = ["headline", "spread", "why", "effect", "together"];
const pause = 150; // milliseconds after the last key before the server is asked
let timer;
let running;

function swap(page) {
  const focused = document.activeElement.id; // a swapped button keeps the keyboard's focus
  for (const id of swapped) {
    document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
  }
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  for (const note of form.querySelectorAll(".note")) {
    const fresh = page.getElementById(note.id);
    note.textContent = fresh.textContent;
    note.className = fresh.className;
    const control = document.getElementById(note.id.replace("-note", ""));
    if (note.classList.contains("error")) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
}

async function update() {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), signal });
    if (answer.redirected) location.reload(); // the login has expired
    if (answer.status !== 200 && answer.status !== 422) throw new Error(answer.statusText);
    swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch (error) {
    if (error.name === "AbortError") return;
    document.querySelector("#headline .interval").textContent = "The server does not answer: these numbers are out of date.";
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(update, pause);
}

function look(column) {
  const hidden = form.querySelector("input[name=focus]");
  if (hidden.value === column) return;
  hidden.value = column;
  soon();
}

if (form) {
  for (const slider of form.querySelectorAll(".slider")) {
    const number = document.getElementById(slider.dataset.for);
    slider.hidden = false;
    const mark = slider.dataset.decimal; // a slider's value has a point
    slider.addEventListener("input", () => { number.value = slider.value.replace(".", mark); });
    number.addEventListener("input", () => { slider.value = number.value.replace(mark, "."); });
  }
  form.addEventListener("input", soon);
  form.addEventListener("focusin", (event) => {
    const field = event.target.closest("[data-column]");
    if (field) look(field.dataset.column);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.name === "focus") look(event.submitter.value);
    update();
  });
}
