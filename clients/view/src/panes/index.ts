/** The panes, in the order of their tabs. Adding one takes its folder and one line in this list. */
import { attention } from "./attention";
import { compare } from "./compare";
import { corpus } from "./corpus";
import { effect } from "./effect";
import { heads } from "./heads";
import { summary } from "./summary";

export const PANES = [attention, corpus, summary, heads, effect, compare] as const;
