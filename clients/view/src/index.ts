import "./css/view.css";

export type {
  Choice,
  Coloring,
  CommandSubject,
  Disposable,
  Host,
  HostCommand,
  HostError,
  InUse,
  Location,
  Progress,
  RequestOptions,
  SavedFile,
  SelectionEvent,
  ServerEvent,
  TextInput,
  Theme,
} from "./host";
export { type MountedView, mount } from "./mount";
