import { join } from "node:path";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { type Duration, Hours, Milliseconds, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import type { PostJson } from "../../rsp-server/post-json.ts";
import { RspRefusal, type StatusCode, statusCodeData } from "../../rsp-server/status-code.ts";
import { RecordStore } from "../../rsp-server/store/record-store.ts";
import type { StateDisk } from "../../rsp-server/store/state-disk.ts";

/** Points of the download of which ES2+.HandleDownloadProgressInfo tells (SGP.22 section 5.3.5). */
export const NotificationPoint = {
	eligibilityCheck: 1,
	confirmationFailure: 2,
	bppDownload: 3,
	bppInstallation: 4,
} as const;

export interface Progress {
	readonly iccid: string;
	readonly profileType: string;
	readonly eid?: string;
	readonly point: keyof typeof NotificationPoint;
	/** Success when absent. */
	readonly failure?: RspRefusal | { readonly code: StatusCode; readonly message: string };
	/** ProfileInstallationResult in base64. */
	readonly resultData?: string;
}

interface Waiting {
	readonly id: string;
	readonly createdAt: number;
	readonly body: string;
}

const RETRY_DELAYS: readonly Duration[] = [Seconds(1), Seconds(5), Seconds(30), Minutes(2), Minutes(10)];
const GIVE_UP_AFTER = Hours(24);

/**
 * Tells the operator how downloads go on, one report after another. Reports wait in `<folder>/progress` until they are
 * accepted; after a day they are dropped.
 */
export class ProgressReports {
	readonly #records: RecordStore<Waiting>;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #url: string | undefined;
	readonly #post: PostJson;
	readonly #requester: string;
	#lastId: number;
	#attempts = 0;
	#isSending = false;
	#isStopped = false;
	#cancelRetry: () => void = () => undefined;

	/** @throws RspServerError RSP_SERVER_STATE_DAMAGED */
	constructor(deps: {
		readonly stateFolder: string;
		readonly disk?: StateDisk;
		readonly clock: Clock;
		readonly log: Logger;
		/** Base address of the operator's ES2+; nothing is reported when absent. */
		readonly url?: string;
		readonly post: PostJson;
		/** functionRequesterIdentifier: the OID of the SM-DP+. */
		readonly requester: string;
	}) {
		this.#records = new RecordStore(join(deps.stateFolder, "progress"), deps.disk);
		this.#clock = deps.clock;
		this.#log = deps.log;
		this.#url = deps.url;
		this.#post = deps.post;
		this.#requester = deps.requester;
		this.#lastId = Math.max(0, ...this.#records.values().map(({ id }) => Number.parseInt(id, 10)));
	}

	/** Goes on with what a former run left. */
	start(): void {
		void this.#send();
	}

	stop(): void {
		this.#isStopped = true;
		this.#cancelRetry();
	}

	get waiting(): number {
		return this.#records.values().length;
	}

	report(progress: Progress): void {
		if (this.#url === undefined) return;
		const id = String(++this.#lastId).padStart(10, "0");
		this.#records.put(id, { id, createdAt: this.#clock.now(), body: JSON.stringify(this.#bodyOf(progress)) });
		void this.#send();
	}

	#bodyOf({ iccid, eid, profileType, point, failure, resultData }: Progress) {
		const functionCallIdentifier = `progress-${this.#lastId}`;
		return {
			header: { functionRequesterIdentifier: this.#requester, functionCallIdentifier },
			...(eid === undefined ? {} : { eid }),
			iccid,
			profileType,
			timestamp: new Date(this.#clock.now()).toISOString().replace(/\.\d{3}Z$/, "Z"),
			notificationPointId: NotificationPoint[point],
			notificationPointStatus: statusOf(failure),
			...(resultData === undefined ? {} : { resultData }),
		};
	}

	async #send(): Promise<void> {
		if (this.#isSending || this.#isStopped || this.#url === undefined) return;
		this.#isSending = true;
		try {
			for (let next = this.#oldest(); next !== undefined && !this.#isStopped; next = this.#oldest()) {
				if (!(await this.#isDelivered(this.#url, next))) return this.#retryLater();
				this.#records.delete(next.id);
				this.#attempts = 0;
			}
		} finally {
			this.#isSending = false;
		}
	}

	#oldest(): Waiting | undefined {
		return this.#records.values().sort((a, b) => (a.id < b.id ? -1 : 1))[0];
	}

	/** True also when the report is too old to be worth another attempt. */
	async #isDelivered(url: string, { id, createdAt, body }: Waiting): Promise<boolean> {
		try {
			const path = "gsma/rsp2/es2plus/handleDownloadProgressInfo";
			const { status } = await this.#post(`${url.replace(/\/$/, "")}/${path}`, body);
			if (status >= 200 && status < 300) return true;
			this.#log.warn("progress report not accepted", { id, status });
		} catch (error) {
			this.#log.warn("progress report not delivered", { id, error });
		}
		if (this.#clock.now() - createdAt <= GIVE_UP_AFTER) return false;
		this.#log.error("progress report dropped", { id });
		return true;
	}

	#retryLater(): void {
		const delay = RETRY_DELAYS[Math.min(this.#attempts++, RETRY_DELAYS.length - 1)] ?? Milliseconds(0);
		this.#cancelRetry = this.#clock.schedule(delay, () => void this.#send());
	}
}

function statusOf(failure: Progress["failure"]) {
	if (failure === undefined) return { status: "Executed-Success" };
	const { code, message } = failure;
	const statusCode = failure instanceof RspRefusal ? statusCodeData(failure) : { ...code, message };
	return { status: "Failed", statusCodeData: statusCode };
}
