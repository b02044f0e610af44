/** The server's WebSocket, opened with its token. */
import type { Socket } from "../../shared/src/rpc";

/** Resolves when the server lets us in; rejects when it does not, or is not there. */
export function openSocket(url: string, token: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, ["exbert-rpc", `token.${token}`]);
    socket.onopen = () => resolve(socket as unknown as Socket);
    socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
  });
}
