"use strict";
(() => {
  const ROW = 27, ROWS = 12, NARROWEST = 3;
  const units = [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]];
  const bytes = (n) => {
    for (const [unit, factor] of units) {
      if (n >= factor * 0.9995) {
        const v = n / factor;
        return v.toFixed(v < 9.995 ? 2 : v < 99.95 ? 1 : 0) + " " + unit;
      }
    }
    return n + " B";
  };
  const share = (part, whole) => {
    const percent = whole ? (100 * part) / whole : 0;
    return percent.toFixed(percent > 0 && percent < 9.95 ? 1 : 0) + " %";
  };
  const count = (n) => n.toLocaleString("en-US");
  const hue = (text) => {
    let h = 0;
    for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) >>> 0;
    return h % 8;
  };

  // One tooltip for the chart and the tree.  textContent only: names of the target never become markup.
  const tip = document.getElementById("tip");
  const showTip = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(6, Math.min(x + 14, window.innerWidth - box.width - 6)) + "px";
    tip.style.top = (y + 18 + box.height > window.innerHeight ? Math.max(6, y - box.height - 10) : y + 18) + "px";
  };
  const hideTip = () => { tip.hidden = true; };
  document.addEventListener("mousemove", (event) => {
    const element = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
    if (element) showTip(element.getAttribute("data-tip").split(" \u00b7 ").join("\n"), event.clientX, event.clientY);
    else hideTip();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  window.addEventListener("scroll", hideTip, { passive: true });

  const read = ([label, type, size, objects, children], parent) => {
    const node = { label, type, size, objects, parent, children: [] };
    node.children = children.map((child) => read(child, node)).sort((a, b) => b.size - a.size);
    return node;
  };
  const root = read(JSON.parse(document.getElementById("tree-data").textContent), null);
  const icicle = document.getElementById("icicle");
  const trail = document.getElementById("trail");
  const rows = document.querySelector("#inside tbody");
  let focus = root;
  let blocks = new Map();

  const describe = (node) =>
    [node.label, node.type, bytes(node.size) + " retained, " + share(node.size, root.size) + " of all objects", count(node.objects) + (node.objects === 1 ? " object" : " objects")]
      .filter(Boolean).join(" \u00b7 ");

  const place = (node, depth, left, width, parentBlock) => {
    if (depth >= ROWS || width < NARROWEST) return depth;
    const block = document.createElement("button");
    block.type = "button";
    block.className = "block " + (depth === 0 ? "focus" : "hue" + hue(node.type || node.label)) + (node.children.length ? "" : " leaf");
    block.style.left = left + "px";
    block.style.top = depth * ROW + "px";
    block.style.width = Math.max(width - 1, 1) + "px";
    block.tabIndex = depth === 0 ? 0 : -1;
    if (width < 16) block.style.padding = "0";
    if (width > 30) block.textContent = node.label + (width > 190 ? "  " + bytes(node.size) : "");
    block.setAttribute("aria-label", describe(node));
    block.setAttribute("data-tip", describe(node));
    icicle.append(block);
    blocks.set(block, { node, parentBlock, first: null, before: null, after: null });
    let deepest = depth + 1, at = left, before = null;
    const scale = node.size ? width / Math.max(node.size, node.children.reduce((sum, child) => sum + child.size, 0)) : 0;
    for (const child of node.children) {
      const w = child.size * scale;
      const known = icicle.children.length;
      deepest = Math.max(deepest, place(child, depth + 1, at, w, block));
      const made = icicle.children[known];
      if (made) {
        const links = blocks.get(made);
        links.before = before;
        if (before) blocks.get(before).after = made; else blocks.get(block).first = made;
        before = made;
      }
      at += w;
    }
    return deepest;
  };

  const drawTrail = () => {
    const steps = [];
    for (let node = focus; node; node = node.parent) steps.unshift(node);
    trail.replaceChildren();
    steps.forEach((node, i) => {
      if (i) {
        const arrow = document.createElement("span");
        arrow.textContent = "\u203a";
        arrow.setAttribute("aria-hidden", "true");
        trail.append(arrow);
      }
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = node.label || node.type;
      button.disabled = node === focus;
      if (node === focus) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => zoom(node));
      trail.append(button);
    });
  };

  const drawRows = () => {
    const shown = focus.children.length ? focus.children.slice(0, 12) : [focus];
    rows.replaceChildren(...shown.map((node) => {
      const row = document.createElement("tr");
      const cells = [node.label, node.type, bytes(node.size), share(node.size, focus.size), count(node.objects)];
      cells.forEach((text, i) => {
        const cell = row.insertCell();
        if (i === 1) cell.append(Object.assign(document.createElement("code"), { textContent: text }));
        else cell.textContent = text;
        if (i > 1) cell.className = "n";
      });
      return row;
    }));
  };

  const draw = () => {
    icicle.replaceChildren();
    blocks = new Map();
    icicle.style.height = place(focus, 0, 0, icicle.clientWidth, null) * ROW + "px";
  };

  const zoom = (node, keepFocus) => {
    focus = node;
    hideTip();
    draw();
    drawTrail();
    drawRows();
    if (keepFocus) icicle.firstElementChild.focus({ preventScroll: true });
  };

  const moveTo = (block) => {
    if (!block) return;
    for (const other of blocks.keys()) other.tabIndex = -1;
    block.tabIndex = 0;
    block.focus({ preventScroll: true });
  };

  icicle.addEventListener("click", (event) => {
    const found = blocks.get(event.target.closest(".block"));
    if (!found) return;
    if (found.node === focus) { if (focus.parent) zoom(focus.parent, true); }
    else if (found.node.children.length) zoom(found.node, true);
  });
  icicle.addEventListener("keydown", (event) => {
    const block = event.target.closest(".block");
    const found = blocks.get(block);
    if (!found) return;
    const target = { ArrowDown: found.first, ArrowUp: found.parentBlock, ArrowLeft: found.before, ArrowRight: found.after }[event.key];
    if (event.key === "Escape" || event.key === "Backspace") { if (focus.parent) zoom(focus.parent, true); }
    else if (event.key === "Home") moveTo(icicle.firstElementChild);
    else if (event.key.startsWith("Arrow")) moveTo(target);
    else return;
    event.preventDefault();
  });
  icicle.addEventListener("focusin", (event) => {
    const block = event.target.closest(".block");
    if (!block || !block.matches(":focus-visible")) return;
    const box = block.getBoundingClientRect();
    showTip(block.getAttribute("data-tip").split(" \u00b7 ").join("\n"), box.left, box.bottom - 10);
  });
  icicle.addEventListener("focusout", hideTip);
  let width = icicle.clientWidth;
  new ResizeObserver(() => { if (icicle.clientWidth !== width) { width = icicle.clientWidth; draw(); } }).observe(icicle);
  window.addEventListener("beforeprint", draw);
  zoom(root);
})();
