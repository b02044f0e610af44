import "./css/view.css";

export type {
  Choice,
  Disposable,
  Host,
  HostCommand,
  HostError,
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
