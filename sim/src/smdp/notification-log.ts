import { join } from "node:path";
import { AppendLog } from "../rsp-server/store/append-log.ts";
import type { StateDisk } from "../rsp-server/store/state-disk.ts";

/** A notification as it came in; octets in base64. */
export interface ReceivedNotification {
	readonly receivedAt: number;
	/** BF37, or 30 of another notification. */
	readonly notification: string;
	/** From the certificate that verified it; absent when nothing did. */
	readonly eid?: string;
	readonly iccid?: string;
	readonly seqNumber?: number;
	readonly event?: "install" | "enable" | "disable" | "delete";
	/** Of an installation: how it ended, "success" or the name of the error. */
	readonly result?: string;
	readonly isVerified: boolean;
	/** Why it was not verified, or why it changed nothing. */
	readonly remark?: string;
}

/** All notifications, in `<folder>/notifications.jsonl`. A repetition is written down once. */
export class NotificationLog {
	readonly #log: AppendLog<ReceivedNotification>;
	readonly #seen: Set<string>;

	/** @throws RspServerError RSP_SERVER_STATE_DAMAGED */
	constructor(stateFolder: string, disk?: StateDisk) {
		this.#log = new AppendLog(join(stateFolder, "notifications.jsonl"), disk);
		this.#seen = new Set(this.#log.entries.map(({ notification }) => notification));
	}

	get entries(): readonly ReceivedNotification[] {
		return this.#log.entries;
	}

	has(notification: string): boolean {
		return this.#seen.has(notification);
	}

	add(entry: ReceivedNotification): void {
		this.#log.append(entry);
		this.#seen.add(entry.notification);
	}

	close(): void {
		this.#log.close();
	}
}
