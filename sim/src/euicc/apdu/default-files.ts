import { hex } from "@iot-esim/shared/util/bytes";
import type { FileSession, ProfileFiles } from "../profile-files.ts";
import type { Command } from "./command.ts";
import { type Answer, answered, plain, Status } from "./status.ts";

const SELECT = 0xa4;
const STATUS = 0xf2;

/** FCP of an empty MF: file descriptor 78 21, identifier 3F00, proprietary (UICC characteristics), activated, no PIN. */
const MASTER_FILE = hex`6217 82027821 83023F00 A503800171 8A0105 8B032F0601 C600`;

/**
 * What the terminal finds while no profile is enabled: a master file without
 * files, so that it sees a working card without a subscription.
 */
export const defaultFiles: ProfileFiles = { openSession: () => defaultSession };

const defaultSession: FileSession = {
	transmit({ ins, p1, p2, data }: Command): Answer {
		if (ins === STATUS) return p2 === 0x0c ? plain(Status.ok) : answered(MASTER_FILE);
		if (ins !== SELECT) return plain(Status.instructionNotSupported);
		const isMasterFile = data.length === 0 || (data.length === 2 && data[0] === 0x3f && data[1] === 0x00);
		if ((p1 !== 0x00 && p1 !== 0x08) || !isMasterFile) return plain(Status.fileNotFound);
		return p2 === 0x0c ? plain(Status.ok) : answered(MASTER_FILE);
	},
};
