import type { Socket } from "node:net";

/**
 * Ends a TCP connection by a reset. While its own end is on its way, libuv refuses that (EINVAL) and Node never closes the
 * socket, so that the program turns round for ever when it is to end: it is closed without a reset then.
 */
export function resetSocket(socket: Socket): void {
	if (socket.writableEnded && !socket.writableFinished) socket.destroy();
	else socket.resetAndDestroy();
}
