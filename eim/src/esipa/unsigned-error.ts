import {
	EuiccPackageUnsignedErrorCode,
	unsignedErrorCode,
} from "@iot-esim/shared/messages/sgp32/dialect/unsigned-error";
import type { EuiccPackageErrorUnsigned } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { NO_ASSOCIATION_TOKEN } from "@iot-esim/shared/security/signature-input";
import { Minutes } from "@iot-esim/shared/util/duration";
import type { Device, DeviceChange } from "../domain/device.ts";
import type { ReceivedResult } from "../domain/received-result.ts";
import type { FoundPackage } from "../storage/store.ts";
import { answeredPackage } from "./answered-package.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import type { TakenNotifications } from "./notifications.ts";
import { readEuiccData } from "./own-operation.ts";
import { recordAgain, unsignedEvent } from "./record-unsigned.ts";
import { PACKAGES_AT_MOST } from "./replays.ts";

/** How long a package stands after that before an unsigned word makes it anew. */
const PACKED_ANEW_AFTER = Minutes(10);

/** What is tried in the place of what the package was signed with. */
interface Attempt {
	readonly change: DeviceChange;
	/** The card's own words, which may be followed at once. */
	readonly isNamed: boolean;
	readonly text: string;
}

/**
 * The eUICC does not sign for an eIM that it does not know, or whose signature is wrong; most often it has chosen an
 * association token that the eIM has not learnt, or knows another key of it than a restored database says. Nobody has
 * proven who said so: no operation ends by it, at most its package is made anew with another token or key.
 */
export async function acceptUnsignedError(
	context: EsipaContext,
	device: Device,
	bytes: Uint8Array,
	error: EuiccPackageErrorUnsigned,
	notifications: TakenNotifications,
): Promise<void> {
	const at = context.clock.now();
	const found = await answeredPackage(context, device.eid, "euiccPackage", error.eimTransactionId);
	const result: ReceivedResult = {
		eid: device.eid,
		...(found === undefined ? {} : { operationId: found.operation.id }),
		bytes,
		verification: "unsigned",
		receivedAt: at,
	};
	const isTooLarge = unsignedErrorCode(bytes) === EuiccPackageUnsignedErrorCode.sizeOverflow;
	const attempt = isTooLarge ? undefined : attemptAfter(context, device, error);
	const isTried =
		attempt !== undefined && found !== undefined && (await mayPackAnew(context, found, at, attempt.isNamed));
	const code = "euiccPackageErrorUnsigned";
	await recordAgain(context, {
		result,
		operationEvent: unsignedEvent(found?.operation, {
			kind: isTried ? "packageDropped" : "packageRefused",
			at,
			reason: { text: isTried ? attempt.text : isTooLarge ? TOO_LARGE : NOT_ACCEPTED, code },
		}),
		deviceChange: isTried ? attempt.change : undefined,
		// Where the card names no token although it may have one, the IPA can read it.
		enqueue: isTried && !attempt.isNamed ? [readEuiccData(context, device)] : undefined,
		notifications: notifications.rows,
	});
	context.logger("eim.esipa").warn("package refused without signature", { eid: device.eid, isTriedAgain: isTried });
}

const TOO_LARGE =
	"The device says, unsigned, that the package is too large for the eUICC. The package stays open; order fewer commands at once.";
const NOT_ACCEPTED =
	"The device says, unsigned, that the eUICC does not accept the package: it is not associated with this eIM, or knows another key. The package stays open.";

/** A token that the card names; else another key of ours; else no token, since the one that is known may be false. */
function attemptAfter(context: EsipaContext, device: Device, error: EuiccPackageErrorUnsigned): Attempt | undefined {
	const { associationToken } = error;
	const isNewToken = (associationToken ?? NO_ASSOCIATION_TOKEN) !== (device.associationToken ?? NO_ASSOCIATION_TOKEN);
	const otherKey = context.signingKeys.after(device);
	const token = "The eUICC uses another association token than the package was signed with; the package is made anew.";
	if (isNewToken && associationToken !== undefined) return { change: { associationToken }, isNamed: true, text: token };
	if (otherKey !== undefined) {
		const text = "The eUICC may know another key of this eIM; the package is made anew with that.";
		return { change: { signingKeyId: otherKey }, isNamed: true, text };
	}
	return isNewToken ? { change: { associationToken: null }, isNamed: false, text: token } : undefined;
}

/**
 * Whether an open package is made anew with what nobody has signed. Several times at once, so that the card's own word
 * undoes what a stranger said; after that seldom, so that strangers burn no counters. A card that names no token may
 * have none: then the one that is known here is false, and is forgotten, but never at once.
 */
async function mayPackAnew(
	context: EsipaContext,
	{ operation, package: refused }: FoundPackage,
	at: number,
	isNamed: boolean,
): Promise<boolean> {
	if (operation.state !== "sent") return false;
	const packages = await context.store.listPackages(operation.id);
	const { firstSentAt, eimTransactionId } = packages.at(-1) ?? refused;
	// What comes late of a package says nothing of the one that has taken its place.
	if (eimTransactionId !== refused.eimTransactionId) return false;
	return (isNamed && packages.length < PACKAGES_AT_MOST) || at - firstSentAt >= PACKED_ANEW_AFTER;
}
