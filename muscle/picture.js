
function render({ model, el }) {
  const make = (kind, more, parent) => parent.appendChild(Object.assign(document.createElement(kind), more));
  const frame = make("div", { className: "muscle-picture", tabIndex: 0 }, el), moved = make("div", {}, frame);
  const image = make("img", { draggable: false }, moved), ring = make("span", {}, moved);
  const tools = make("div", { className: "muscle-tools" }, frame), ramp = make("div", { className: "muscle-ramp" }, el);
  let address = null;
  const place = () => {
    const home = frame.closest(".jp-OutputArea-output") || el;
    const keep = (event) => { event.target.dataset.lmSuppressShortcuts = "true"; };
    if (!home.muscleKeys) home.addEventListener("focusin", keep);
    home.muscleKeys = true;
    const width = model.get("width"), wide = image.naturalWidth, high = image.naturalHeight;
    const [s, x, y] = model.get("zoom");
    frame.style.width = `${Math.min(width, 0.9 * width * (wide / high || 1))}px`;
    image.style.imageRendering = wide < 240 * s ? "pixelated" : "auto";
    moved.style.transform = `scale(${s}) translate(${-100 * x}%, ${-100 * y}%)`;
    const [row, column] = model.get("point");
    ring.hidden = row < 0 || !address;
    ring.style.left = `${100 * (column + 0.5) / (wide || 1)}%`;
    ring.style.top = `${100 * (row + 0.5) / (high || 1)}%`;
    ring.style.scale = 1 / s;
  };
  const zoom = (s, x, y) => {
    s = Math.max(1, Math.min(32, s));
    model.set("zoom", [s, ...[x, y].map((at) => Math.max(0, Math.min(1 - 1 / s, at)))]);
    model.save_changes();
  };
  const nearer = (by, across = 0.5, down = 0.5) => {
    const [s, x, y] = model.get("zoom"), t = Math.max(1, Math.min(32, s * by));
    zoom(t, x + across / s - across / t, y + down / s - down / t);
  };
  const at = (event, box = frame.getBoundingClientRect()) =>
    [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  const move = (row, column) => {
    const keep = (at, size) => Math.max(0, Math.min(size - 1, Math.floor(at)));
    model.set("point", [keep(row, image.naturalHeight), keep(column, image.naturalWidth)]);
    model.save_changes();
  };
  let held = null;
  image.addEventListener("pointerdown", (event) => {
    held = { at: at(event), zoom: model.get("zoom"), far: false, id: event.pointerId };
  });
  image.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [across, down] = at(event).map((here, axis) => here - held.at[axis]), [s, x, y] = held.zoom;
    if (!held.far && Math.hypot(across, down) < 0.015) return;
    if (!held.far) image.setPointerCapture(held.id);
    held.far = true;
    zoom(s, x - across / s, y - down / s);
  });
  image.addEventListener("pointerup", (event) => {
    const [x, y] = at(event, image.getBoundingClientRect());
    if (held && !held.far) move(y * image.naturalHeight, x * image.naturalWidth);
    held = null;
  });
  frame.addEventListener("dblclick", () => zoom(1, 0, 0));
  frame.addEventListener("wheel", (event) => {
    if (!address || !(event.ctrlKey || frame.matches(":focus-within"))) return;
    event.preventDefault();
    event.stopPropagation();
    nearer(event.deltaY < 0 ? 1.25 : 0.8, ...at(event));
  }, { passive: false });
  frame.addEventListener("keydown", (event) => {
    if (!address || event.target !== frame) return;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const by = { "+": 1.25, "-": 0.8, "0": 1e-9 }[event.key], far = event.shiftKey ? 10 : 1;
    const [row, column] = model.get("point");
    if (!step && !by) return;
    event.preventDefault();
    event.stopPropagation();
    if (by) nearer(by);
    else if (row < 0) move(image.naturalHeight / 2, image.naturalWidth / 2);
    else move(row + far * step[0], column + far * step[1]);
  });
  const give = async (file) => model.send({ name: file.name }, undefined, [await file.arrayBuffer()]);
  const unfold = async (entry) => {
    if (entry.isFile) return entry.file(give);
    const reader = entry.createReader(), more = () => new Promise((done) => reader.readEntries(done));
    for (let found = await more(); found.length; found = await more()) for (const one of found) await unfold(one);
  };
  frame.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); });
  frame.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    if (entries.length && entries.every(Boolean)) entries.forEach(unfold);
    else [...event.dataTransfer.files].forEach(give);
  });
  const save = (bytes, name) => {
    const link = make("a", { href: URL.createObjectURL(new Blob([bytes])), download: name }, frame);
    link.click();
    link.remove();
    URL.revokeObjectURL(link.href);
  };
  const kind = () => model.get("value").getUint8(0) === 0x89 ? "png" : "jpg";
  const button = (text, title, act) => make("button", { textContent: text, title, onclick: act, tabIndex: -1 }, tools);
  button("+", "nearer (key +, or the wheel after a click)", () => nearer(1.5));
  button("−", "farther (key −)", () => nearer(1 / 1.5));
  button("▣", "the whole picture (key 0, or a double click)", () => zoom(1, 0, 0));
  button("save", "save this picture", () => save(model.get("value"), `${model.get("name")}.${kind()}`));
  const numbers = "save the label as a PNG of class numbers";
  const label = button("label", numbers, () => save(model.get("label"), `${model.get("name")}.png`));
  const draw = () => {
    const old = address, value = model.get("value");
    address = value.byteLength ? URL.createObjectURL(new Blob([value])) : null;
    frame.classList.toggle("muscle-empty", !address);
    label.hidden = !model.get("label").byteLength;
    if (address) image.src = address;
    else image.removeAttribute("src");
    if (!address) Object.assign(frame.style, { width: `${model.get("width")}px` });
    ring.hidden = ring.hidden || !address;
    if (old) URL.revokeObjectURL(old);
    image.alt = image.title = frame.dataset.caption = model.get("caption");
    frame.dataset.lack = model.get("lack") || model.get("caption");
    const [low, high] = model.get("scale"), shown = address && high !== undefined, colours = model.get("ramp");
    ramp.replaceChildren(...(shown ? [low, "", high] : []).map((text) => make("span", { textContent: text }, ramp)));
    if (shown) ramp.children[1].style.background = `linear-gradient(to right, ${colours})`;
  };
  image.addEventListener("load", place);
  for (const name of ["value", "caption", "lack", "label", "scale"]) model.on(`change:${name}`, draw);
  for (const name of ["point", "zoom", "width"]) model.on(`change:${name}`, place);
  draw();
  return () => { URL.revokeObjectURL(address); };
}
export default { render };
