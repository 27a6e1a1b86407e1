/** Commands of the application rather than of its files: AUTHENTICATE and GET IDENTITY (3GPP TS 31.102 §7.1, §7.5). */

import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { decodeImsi } from "@iot-esim/shared/profile/subscriber";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { authenticate } from "../usim/authenticate.ts";
import { chooseConcealment, suciOf } from "../usim/suci.ts";
import type { CommandHandler } from "./file-command.ts";
import { applicationOf } from "./file-selection.ts";
import { answer, FileStatus, status } from "./file-status.ts";
import { contentsOf, type FileId, type FileSystem, fileAtPath, fileOf } from "./file-system.ts";
import { isPinGiven } from "./pin-commands.ts";

const APPLICATION_PIN = 0x01;

/** Numbers of services in EF.UST. */
const Service = { gsmAccess: 27, gsmSecurityContext: 38, suciCalculation: 124, suciByUsim: 125 } as const;

const IMSI = [0x6f07];
const SERVICE_TABLE = [0x6f38];
const ADMINISTRATIVE_DATA = [0x6fad];
const ROUTING_INDICATOR = [0x5fc0, 0x4f0a];
const SUCI_CALCULATION_BY_USIM = [0x5fd0, 0x4f01];

export const authenticateNetwork: CommandHandler = (context, { p1, p2, data }) => {
	const { fs, position } = context;
	const application = applicationOf(fs, position.directory);
	const index = application === undefined ? undefined : fs.authentication.byApplication[application];
	const keys = index === undefined ? undefined : fs.authentication.keys[index];
	if (application === undefined || !keys) return status(FileStatus.conditionsNotSatisfied);
	if (p1 !== 0) return status(FileStatus.incorrectParameters);
	if (!isPinGiven(context, pinOfApplication(fs, application))) return status(FileStatus.securityNotSatisfied);
	const { changed, ...result } = authenticate(keys, {
		context: p2,
		data,
		returnsKc: hasService(fs, application, Service.gsmAccess),
		allowsGsmContext: hasService(fs, application, Service.gsmSecurityContext),
	});
	if (changed) context.note({ part: "authentication" });
	return result;
};

const SUCI_CONTEXT = 0x01;
const SUCI_OBJECT = 0xa1;
const EPHEMERAL_KEY_LENGTH = 32;

/** The concealed subscription identifier, when services 124 and 125 say that the card makes it. */
export const getIdentity: CommandHandler = (context, { p1, p2 }) => {
	const { fs, position, random } = context;
	const application = applicationOf(fs, position.directory);
	if (application === undefined) return status(FileStatus.conditionsNotSatisfied);
	if (p1 !== 0 || p2 !== SUCI_CONTEXT) return status(FileStatus.incorrectParameters);
	const isOffered = [Service.suciCalculation, Service.suciByUsim].every((service) =>
		hasService(fs, application, service),
	);
	if (!isOffered) return status(FileStatus.conditionsNotSatisfied);
	if (!isPinGiven(context, pinOfApplication(fs, application))) return status(FileStatus.securityNotSatisfied);
	const suci = concealedIdentity(fs, application, random);
	return suci ? answer(tlv(SUCI_OBJECT, suci)) : status(FileStatus.conditionsNotSatisfied);
};

/** Undefined when EF.IMSI holds no IMSI or the key of the home network is none. */
function concealedIdentity(fs: FileSystem, application: FileId, random: RandomSource): Uint8Array | undefined {
	const routingIndicator = contents(fs, application, ROUTING_INDICATOR) ?? Uint8Array.of(0xf0, 0xff);
	try {
		return suciOf({
			imsi: decodeImsi(contents(fs, application, IMSI) ?? new Uint8Array(0)),
			mncLength: contents(fs, application, ADMINISTRATIVE_DATA)?.[3] === 3 ? 3 : 2,
			routingIndicator: routingIndicator.subarray(0, 2),
			choice: chooseConcealment(contents(fs, application, SUCI_CALCULATION_BY_USIM) ?? new Uint8Array(0)),
			ephemeralKey: random.bytes(EPHEMERAL_KEY_LENGTH),
		});
	} catch {
		return undefined;
	}
}

/** The application's own PIN is the first global one that its FCP lists (ETSI TS 102 221 §9.5.1). */
function pinOfApplication(fs: FileSystem, application: FileId): number {
	const references = [...(fileOf(fs, application).pinReferences ?? [])];
	return references.find((reference) => reference >= 1 && reference <= 8) ?? APPLICATION_PIN;
}

/** A service of EF.UST; only a USIM has this table under this identifier. */
function hasService(fs: FileSystem, application: FileId, service: number): boolean {
	const octet = contents(fs, application, SERVICE_TABLE)?.[(service - 1) >> 3] ?? 0;
	return ((octet >> ((service - 1) & 7)) & 1) !== 0;
}

function contents(fs: FileSystem, application: FileId, path: readonly number[]): Uint8Array | undefined {
	const id = fileAtPath(fs, application, path);
	return id === undefined ? undefined : contentsOf(fs, id);
}
