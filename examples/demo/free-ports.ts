import { createServer } from "node:net";

/** Below where systems take the ports of outgoing connections from (Linux: 32768), above what services use. */
const FIRST = 20_000;
const LAST = 31_999;
const TRIES = 200;

/** A port that somebody will listen on later must be one that no outgoing connection is given meanwhile. */
function anyPort(): number {
	return FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
}

/** Whether nobody holds that TCP port of 127.0.0.1. */
export function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", () => resolve(false));
		server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
	});
}

/**
 * Different TCP ports of 127.0.0.1 that nobody listens on.
 * @throws Error when there are not that many
 */
export async function freePorts(count: number): Promise<number[]> {
	const found = new Set<number>();
	for (let tried = 0; found.size < count; tried++) {
		if (tried === TRIES + count) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
		const port = anyPort();
		if (!found.has(port) && (await isFree(port))) found.add(port);
	}
	return [...found];
}

/** One such port. */
export async function freePort(): Promise<number> {
	const [port] = await freePorts(1);
	return port as number;
}
