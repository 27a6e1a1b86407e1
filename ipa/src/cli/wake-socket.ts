import { chmodSync, lstatSync, rmSync } from "node:fs";
import net from "node:net";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type Duration, Milliseconds } from "@iot-esim/shared/util/duration";
import { IpaCliError } from "./errors.ts";

/** What may be asked for from outside. */
interface Sleeper {
	pollSoon(): void;
}

export interface WakeSocket {
	close(): Promise<void>;
}

/** The device's own users of the agent's group may wake it. */
const MODE = 0o660;

/**
 * Listens on a Unix socket: each connection is one wake-up, whatever comes over it.
 * @throws IpaCliError IPA_WAKE_SOCKET_UNUSABLE
 */
export async function openWakeSocket(
	path: string,
	sleeper: Sleeper,
	{ clock, log, interval }: { readonly clock: Clock; readonly log: Logger; readonly interval: Duration },
): Promise<WakeSocket> {
	// One that was left behind by a process that was killed takes the place of ours.
	if (isSocket(path) && !(await isServed(path))) rmSync(path, { force: true });
	const wake = bounded(() => sleeper.pollSoon(), clock, interval);
	const server = net.createServer((socket) => {
		log.info("woken over the socket");
		wake.ask();
		socket.on("error", () => undefined);
		socket.end();
		socket.destroySoon();
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", (cause) => {
			const message = `wake.socket ${path} cannot be listened on: ${cause.message}`;
			reject(new IpaCliError("IPA_WAKE_SOCKET_UNUSABLE", message, { cause }));
		});
		server.listen(path, resolve);
	});
	chmodSync(path, MODE);
	return {
		close: () => {
			wake.stop();
			return new Promise((resolve) => server.close(() => resolve()));
		},
	};
}

/**
 * Wakes the agent that listens there.
 * @throws IpaCliError IPA_WAKE_SOCKET_UNUSABLE when none does
 */
export function wakeAgent(path: string): Promise<void> {
	return new Promise((resolve, reject) => {
		const socket = net.connect(path);
		socket.once("connect", () => {
			socket.end();
			resolve();
		});
		socket.once("error", (cause) => {
			const message = `no agent listens on wake.socket ${path}: ${cause.message}`;
			reject(new IpaCliError("IPA_WAKE_SOCKET_UNUSABLE", message, { cause }));
		});
	});
}

function isSocket(path: string): boolean {
	return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function isServed(path: string): Promise<boolean> {
	return wakeAgent(path).then(
		() => true,
		() => false,
	);
}

/** Lets the first through at once, and of all that follow within the interval one at its end. */
function bounded(work: () => void, clock: Clock, interval: Duration) {
	let nextAt = Number.NEGATIVE_INFINITY;
	let cancel: (() => void) | undefined;
	const run = () => {
		cancel = undefined;
		nextAt = clock.now() + interval;
		work();
	};
	return {
		ask() {
			const wait = nextAt - clock.now();
			if (wait <= 0) run();
			else cancel ??= clock.schedule(Milliseconds(wait), run);
		},
		stop: () => cancel?.(),
	};
}
