/** A line below the view that says where a hit stands, to copy. */

/** Fills `element` with a place, a button that copies it and one that takes it away. */
export function showPlace(element: HTMLElement, place: string, copy: (text: string) => Promise<void>): void {
  const text = document.createElement("code");
  text.textContent = place;
  const copied = document.createElement("span");
  const button = (label: string, run: () => void) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", run);
    return made;
  };
  const tell = (words: string) => {
    copied.textContent = words;
  };
  element.replaceChildren(
    text,
    button("Copy", () => {
      copy(place).then(
        () => tell("copied"),
        () => tell("cannot be copied here; select it instead"),
      );
    }),
    button("Close", () => element.replaceChildren()),
    copied,
  );
}
