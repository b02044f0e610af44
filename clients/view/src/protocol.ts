/** The wire types, generated from the server's code; none is written here by hand. */
export type * from "../../../protocol/types";
export { ERROR_CODES } from "../../../protocol/types";

import type { Method, Methods } from "../../../protocol/types";

export type MethodParams<M extends Method> = Methods[M]["params"];
export type MethodResult<M extends Method> = Methods[M]["result"];
