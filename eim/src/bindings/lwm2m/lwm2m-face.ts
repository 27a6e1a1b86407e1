import type { Eid } from "@iot-esim/shared/ids/eid";
import type { DatagramPath, DatagramServer } from "@iot-esim/shared/transport/datagram";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { PackageInjector } from "../../esipa/inject-packages.ts";
import type { WaitingDevices } from "../mqtt-hints.ts";
import { Lwm2mServer, type Lwm2mServerOptions } from "./lwm2m-server.ts";

export interface Lwm2mFaceOptions extends Omit<Lwm2mServerOptions, "onAwake"> {
	/** DTLS; in the lab plain UDP. */
	readonly listen: (onPath: (path: DatagramPath) => void) => Promise<DatagramServer>;
	readonly waiting: WaitingDevices;
	/** Notes that a device is there. */
	readonly noteContact: (eid: Eid) => Promise<void>;
	/** Whether packages are brought to a device; others ask by themselves. */
	readonly isBrought: (eid: string) => Promise<boolean>;
	/** Brings a device what waits for it. */
	readonly bring: (eid: Eid) => Promise<void>;
}

/** How soon other replicas' changes are seen, and devices asked again that were busy. */
const LOOK_AGAIN = Seconds(5);

/** All that devices reach over LwM2M, and by which the eIM reaches them. */
export class Lwm2mFace implements PackageInjector {
	readonly #options: Lwm2mFaceOptions;
	readonly #server: Lwm2mServer;
	/** What is being done for a device, which is not done twice at once. */
	readonly #offers = new Map<string, Promise<void>>();
	/** Devices that something may wait for. */
	readonly #doubtful = new Set<string>();
	#listener: DatagramServer | undefined;
	#running: Promise<void> | undefined;
	#stopLooking: (() => void) | undefined;

	constructor(options: Lwm2mFaceOptions) {
		this.#options = options;
		this.#server = new Lwm2mServer({ ...options, onAwake: (eid) => this.#awake(eid) });
	}

	/** @throws TransportError TRANSPORT_LISTEN_FAILED; DtlsError DTLS_ADDON_MISSING */
	async listen(): Promise<{ readonly lwm2m: string }> {
		const { listen, takesUnproven, waiting, clock } = this.#options;
		this.#listener = await listen((path) => this.#server.accept(path));
		const stopListening = waiting.onChange(() => this.#look());
		let cancel = () => {};
		const again = () => {
			this.#look();
			cancel = clock.schedule(LOOK_AGAIN, again);
		};
		again();
		this.#stopLooking = () => {
			stopListening();
			cancel();
		};
		return { lwm2m: `${takesUnproven ? "coap" : "coaps"}://${printHostPort(this.#listener)}` };
	}

	/**
	 * One TransferEimPackageRequest (BF4E) to a device, whose address says no more than `lwm2m:`; the whole answer.
	 * @throws InjectError
	 */
	transfer(_address: unknown, message: Uint8Array, eid: Eid): Promise<Uint8Array> {
		return this.#server.transfer(message, eid);
	}

	async close(): Promise<void> {
		this.#stopLooking?.();
		const listener = this.#listener;
		this.#listener = undefined;
		this.#server.close();
		await Promise.all([this.#running, ...this.#offers.values()]);
		await listener?.close();
	}

	#awake(eid: Eid): void {
		this.#do(eid, async () => {
			await this.#options.noteContact(eid);
			if (!(await this.#options.waiting.isWaiting(eid))) return;
			if (await this.#options.isBrought(eid)) await this.#options.bring(eid);
			else await this.#wake(eid);
		});
	}

	/** One run at a time; what a device is brought as soon as it is ordered is brought by jobs. */
	#look(): void {
		this.#running ??= this.#lookAround().finally(() => {
			this.#running = undefined;
		});
	}

	async #lookAround(): Promise<void> {
		const { waiting, log, isBrought } = this.#options;
		try {
			for (const eid of await waiting.changed()) this.#doubtful.add(eid);
		} catch (error) {
			log.warn("devices not looked after", { error });
		}
		for (const eid of this.#doubtful) {
			this.#doubtful.delete(eid);
			if (!this.#server.isReachable(eid)) continue;
			this.#do(eid, async () => {
				if ((await waiting.isWaiting(eid)) && !(await isBrought(eid))) await this.#wake(eid);
			});
		}
	}

	async #wake(eid: string): Promise<void> {
		if (!(await this.#server.wake(eid))) this.#doubtful.add(eid);
	}

	#do(eid: string, work: () => Promise<void>): void {
		const former = this.#offers.get(eid) ?? Promise.resolve();
		const done: Promise<void> = former
			.then(work)
			.catch((error) => this.#options.log.warn("device not served", { eid, error }))
			.finally(() => {
				if (this.#offers.get(eid) === done) this.#offers.delete(eid);
			});
		this.#offers.set(eid, done);
	}
}
