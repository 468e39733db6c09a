// Loaded into every page: access of the tests to JupyterLab and to maps.
window.tests = {
  panel() {
    return window.jupyterapp?.shell?.currentWidget;
  },
  kernel() {
    return this.panel()?.context?.sessionContext?.session?.kernel;
  },
  shared() {
    return this.panel().content.model.sharedModel;
  },
  runAll() {
    return window.jupyterapp.commands.execute("notebook:run-all-cells");
  },
  shutDown() {
    return this.panel().context.sessionContext.shutdown();
  },

  // Add a cell at the end and run it.
  async cell(source) {
    const index = this.shared().cells.length;
    this.shared().insertCell(index, { cell_type: "code", source });
    this.panel().content.activeCellIndex = index;
    await window.jupyterapp.commands.execute("notebook:run-cell");
  },
  // Delete all cells but the first.
  clear() {
    this.shared().deleteCellRange(1, this.shared().cells.length);
  },
  errors() {
    const found = [];
    for (const cell of this.panel().content.model.cells)
      for (const output of cell.outputs?.toJSON() ?? [])
        if (output.output_type === "error")
          found.push(`${output.ename}: ${output.evalue}`);
    return found;
  },

  // Run code in the kernel, outside any cell.
  async execute(code, wanted) {
    const future = this.kernel().requestExecute({
      code,
      store_history: false,
      stop_on_error: false,
      user_expressions: wanted ? { wanted } : {},
    });
    return (await future.done).content;
  },

  overlays() {
    return [...document.querySelectorAll("img.leaflet-image-layer")];
  },
  // Mark the image on a map that has this address.
  mark(src, name) {
    const image = this.overlays().find((image) => image.src === src);
    if (!image || !image.complete || !image.naturalWidth) return false;
    image.dataset.test = name;
    return true;
  },
  // Record every address that an image on a map gets, with the time.
  watch(image) {
    const seen = [{ src: image.src, time: Date.now() }];
    const note = () => seen.push({ src: image.src, time: Date.now() });
    const options = { attributes: true, attributeFilter: ["src"] };
    new MutationObserver(note).observe(image, options);
    return seen;
  },
};
