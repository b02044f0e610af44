/** Small controls used everywhere. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { moveFocus } from "./roving";

export interface Option<T extends string | number> {
  readonly value: T;
  readonly text: string;
  readonly title?: string;
  readonly disabled?: boolean;
}

/** One of a few: buttons in a row, one tab stop, arrows move. */
export function Segmented<T extends string | number>(props: {
  readonly label: string;
  readonly choices: readonly Option<T>[];
  readonly value: T;
  readonly onChange: (value: T) => void;
  readonly showLabel?: boolean;
  readonly compact?: boolean;
}) {
  const current = props.choices.some((choice) => choice.value === props.value) ? props.value : props.choices[0]?.value;
  return (
    <div class="field">
      {props.showLabel && (
        <span class="field-label" aria-hidden="true">
          {props.label}
        </span>
      )}
      <div
        class={`segmented${props.compact ? " compact" : ""}`}
        role="radiogroup"
        aria-label={props.label}
        onKeyDown={moveFocus}
      >
        {props.choices.map((choice) => (
          <button
            key={choice.value}
            type="button"
            role="radio"
            data-roving
            aria-checked={choice.value === props.value}
            tabIndex={choice.value === current ? 0 : -1}
            title={choice.title}
            disabled={choice.disabled}
            onClick={() => props.onChange(choice.value)}
          >
            {choice.text}
          </button>
        ))}
      </div>
    </div>
  );
}

export function Check(props: {
  readonly label: string;
  readonly title?: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  return (
    <label class="check" title={props.title}>
      <input
        type="checkbox"
        checked={props.checked}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      {props.label}
    </label>
  );
}

export function Select(props: {
  readonly label: string;
  readonly title?: string;
  readonly value: string;
  readonly choices: readonly Option<string>[];
  readonly onChange: (value: string) => void;
  readonly showLabel?: boolean;
}) {
  const id = useId();
  return (
    <span class="field">
      <label class={props.showLabel ? "field-label" : "hidden"} for={id}>
        {props.label}
      </label>
      <select
        id={id}
        title={props.title}
        value={props.value}
        onChange={(event) => props.onChange(event.currentTarget.value)}
      >
        {props.choices.map((choice) => (
          <option key={choice.value} value={choice.value} disabled={choice.disabled}>
            {choice.text}
          </option>
        ))}
      </select>
    </span>
  );
}

export function Slider(props: {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly text: string;
  readonly title?: string;
  /** Where the text beside it says what it is. */
  readonly hideLabel?: boolean;
  readonly onInput: (value: number) => void;
}) {
  const id = useId();
  return (
    <span class="field slider" title={props.title}>
      <label class={props.hideLabel === true ? "hidden" : "field-label"} for={id}>
        {props.label}
      </label>
      <input
        id={id}
        type="range"
        min={props.min}
        max={props.max}
        value={props.value}
        aria-valuetext={props.text}
        onInput={(event) => props.onInput(Number(event.currentTarget.value))}
      />
      <output for={id}>{props.text}</output>
    </span>
  );
}

export function Button(props: {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  readonly title?: string;
  readonly kind?: "primary" | "plain" | "link";
  readonly disabled?: boolean;
  readonly label?: string;
}) {
  return (
    <button
      type="button"
      class={`button ${props.kind ?? "plain"}`}
      title={props.title}
      aria-label={props.label}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
