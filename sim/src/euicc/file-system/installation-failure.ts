import type { PEStatusCode } from "@iot-esim/shared/messages/pe/euicc-response";

/** The reason by which a card stops the installation, in the words of PEStatus. */
export type PeStatusName = Exclude<keyof typeof PEStatusCode, "ok">;

/** A profile element that cannot be installed. It never leaves `installFileSystem`, which turns it into a result. */
export class InstallationFailure extends Error {
	readonly status: PeStatusName;

	constructor(status: PeStatusName, message: string) {
		super(message);
		this.name = "InstallationFailure";
		this.status = status;
	}
}
