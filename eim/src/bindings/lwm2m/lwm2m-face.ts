import type { Eid } from "@iot-esim/shared/ids/eid";
import type { DatagramPath, DatagramServer } from "@iot-esim/shared/transport/datagram";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { Minutes } from "@iot-esim/shared/util/duration";
import type { PackageInjector } from "../../esipa/inject-packages.ts";
import { DeviceRounds, type WaitingDevices } from "../device-rounds.ts";
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

/** A package that is brought may be large, and the way slow. */
const LONGEST_VISIT = Minutes(10);
/** A device that is dead holds its place as long as it may take to answer. */
const VISITS_AT_ONCE = 64;
/** Visits of devices that have just come: they are soon over, and these devices soon gone. */
const COME_AT_ONCE = 1000;

/** All that devices reach over LwM2M, and by which the eIM reaches them. */
export class Lwm2mFace implements PackageInjector {
	readonly #options: Lwm2mFaceOptions;
	readonly #server: Lwm2mServer;
	readonly #rounds: DeviceRounds;
	/** Devices that have come, and are still to be served for that. */
	readonly #come = new Set<Eid>();
	#listener: DatagramServer | undefined;

	constructor(options: Lwm2mFaceOptions) {
		this.#options = options;
		this.#server = new Lwm2mServer({ ...options, onAwake: (eid) => this.#awake(eid) });
		this.#rounds = new DeviceRounds({
			...options,
			settle: (eid) => this.#visit(eid),
			within: LONGEST_VISIT,
			atOnce: VISITS_AT_ONCE,
			comeAtOnce: COME_AT_ONCE,
		});
	}

	/** @throws TransportError TRANSPORT_LISTEN_FAILED; DtlsError DTLS_ADDON_MISSING */
	async listen(): Promise<{ readonly lwm2m: string }> {
		const { listen, takesUnproven } = this.#options;
		this.#listener = await listen((path) => this.#server.accept(path));
		this.#rounds.start();
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
		const listener = this.#listener;
		this.#listener = undefined;
		this.#server.close();
		await this.#rounds.stop();
		await listener?.close();
	}

	#awake(eid: Eid): void {
		this.#come.add(eid);
		this.#rounds.come(eid);
	}

	/** What a device is brought as soon as it is ordered is brought by jobs, and when it comes. */
	async #visit(eid: Eid): Promise<boolean> {
		const { noteContact, waiting, isBrought, bring } = this.#options;
		const hasCome = this.#come.delete(eid);
		try {
			if (hasCome) await noteContact(eid);
			if (!this.#server.isReachable(eid) || !(await waiting.isWaiting(eid))) return true;
			if (!(await isBrought(eid))) return await this.#server.wake(eid);
			if (hasCome) await bring(eid);
			return true;
		} catch (error) {
			if (hasCome) this.#come.add(eid);
			throw error;
		}
	}
}
