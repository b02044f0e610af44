/** Loading, failed, nothing yet: each says what is the matter and what can be done. */
import type { ComponentChildren } from "preact";
import type { Status } from "../app";
import type { CommandSubject, HostCommand, HostError, Progress } from "../host";
import { useController } from "./context";
import { Button } from "./controls";

export function Busy(props: {
  readonly what: string;
  readonly progress: Progress | null;
  readonly onCancel?: () => void;
}) {
  const { progress } = props;
  const known = progress?.percentage !== undefined;
  return (
    <div class="busy" role="status">
      <progress class="busy-bar" aria-label={props.what} max={100} value={known ? progress.percentage : undefined} />
      <span class="busy-text">
        {progress?.message ?? props.what}
        {known && ` · ${Math.round(progress.percentage as number)} %`}
      </span>
      {props.onCancel && (
        <Button kind="link" onClick={props.onCancel}>
          cancel
        </Button>
      )}
    </div>
  );
}

export function Failed(props: {
  readonly error: HostError;
  readonly onRetry?: () => void;
  readonly children?: ComponentChildren;
}) {
  const { error } = props;
  const hint = error.data?.hint;
  return (
    <div class="failed" role="alert">
      <p class="failed-message">
        <span aria-hidden="true">⚠ </span>
        {error.message}
      </p>
      {hint !== undefined && hint !== "" && <p class="failed-hint">{hint}</p>}
      <div class="actions">
        {props.onRetry && <Button onClick={props.onRetry}>Try again</Button>}
        {props.children}
        <CommandButton name="showLog" kind="link">
          Show log
        </CommandButton>
        {error.code !== 0 && <span class="muted">error {error.code}</span>}
      </div>
    </div>
  );
}

/** A button for something that only the host can do; absent where the host cannot. */
export function CommandButton(props: {
  readonly name: HostCommand;
  readonly subject?: CommandSubject;
  readonly kind?: "primary" | "plain" | "link";
  readonly children: ComponentChildren;
}) {
  const { host } = useController();
  if (host.commands !== undefined && !host.commands.includes(props.name)) return null;
  return (
    <Button kind={props.kind} onClick={() => host.runCommand(props.name, props.subject)}>
      {props.children}
    </Button>
  );
}

export function Empty(props: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.children}
    </div>
  );
}

export function isBusy(status: Status): status is Extract<Status, { phase: "busy" }> {
  return status.phase === "busy";
}

export function isFailed(status: Status): status is Extract<Status, { phase: "failed" }> {
  return status.phase === "failed";
}
