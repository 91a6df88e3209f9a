// Adds what needs a script and nothing else: a search box for a table with data-find, a copy button for data-copy.
for (const table of document.querySelectorAll("table[data-find]")) {
  const rows = [...table.querySelectorAll("tbody tr")].filter((row) => !row.querySelector("[scope=rowgroup]"));
  const texts = rows.map((row) => (row.textContent + " " + (row.dataset.words || "") + " " + (row.dataset.e || "")).toLowerCase());
  const label = document.createElement("label"), name = document.createElement("span");
  const box = document.createElement("input"), said = document.createElement("p");
  name.className = "lab";
  name.textContent = table.dataset.find;
  box.type = "search";
  box.autocomplete = "off";
  said.className = "soft small";
  said.setAttribute("role", "status");
  label.className = "search";
  label.append(name, box);
  const place = table.dataset.at && document.querySelector(table.dataset.at);
  if (place) place.prepend(label);
  else table.parentElement.before(label);
  table.parentElement.before(said);
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().replace(/\bmoodle\./g, "").split(/\s+/).filter(Boolean);
    let n = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      if (!row.hidden) n++;
    });
    said.textContent = words.length ? n + " of " + rows.length + " match" : "";
  });
}
for (const code of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy " + code.textContent);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  code.after(button);
}
