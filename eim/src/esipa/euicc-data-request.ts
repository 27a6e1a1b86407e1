import { encode } from "@iot-esim/shared/asn1/schema";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { NotificationEvent as EventBits } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { IpaEuiccDataRequest } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { concatBytes, fromHex, hex } from "@iot-esim/shared/util/bytes";
import type { EuiccDataParameters } from "../domain/euicc-data.ts";
import type { NotificationEvent } from "../domain/notification.ts";
import type { BuiltPackage } from "../storage/store.ts";

/**
 * Members of IpaEuiccData asked for when an operation names none: default SM-DP+, stored results, EUICCInfo1 and 2,
 * root SM-DS, association token, EUM and eUICC certificate, IPA capabilities, device information. `5A` and `BF2D` are no
 * members, and IPAs refuse lists that name them.
 */
export const EUICC_DATA_TAGS = hex`81 A2 BF20 BF22 83 84 A5 A6 A8 A9`;

const NOTIFICATIONS = "A0";
const PACKAGE_RESULTS = "A2";

const EVENTS = {
	install: "notificationInstall",
	enable: "notificationEnable",
	disable: "notificationDisable",
	delete: "notificationDelete",
} as const satisfies Readonly<Record<NotificationEvent, string>>;

/** IpaEuiccDataRequest (SGP.32 section 2.11.1.3). Search criteria bring the tag of what is searched into the list. */
export function euiccDataRequest(parameters: EuiccDataParameters, eimTransactionId: Uint8Array): BuiltPackage {
	const { tags, ciPublicKeyId, notifications, packageResults } = parameters;
	const wrong = tags?.find((tag) => /^(5A|BF2D)$/i.test(tag) || !/^([0-9A-F]{2}){1,3}$/i.test(tag));
	if (wrong !== undefined) {
		return { kind: "unbuildable", text: `"${wrong}" is no tag of IpaEuiccData that an IPA could give.` };
	}
	const request: IpaEuiccDataRequest = {
		tagList: tagList(parameters),
		eimTransactionId,
		...(ciPublicKeyId === undefined ? {} : { euiccCiPKIdentifierToBeUsed: fromHex(ciPublicKeyId) }),
		...(notifications === undefined ? {} : { searchCriteriaNotification: notificationCriteria(notifications) }),
		...(packageResults === undefined ? {} : { searchCriteriaEuiccPackageResult: packageResults }),
	};
	return {
		kind: "ipaEuiccDataRequest",
		bytes: encode(IpaEuiccDataRequest, request),
		eimTransactionId: TransactionId.fromBytes(eimTransactionId),
	};
}

/** Whether the answer has all results that are still on the card. */
export function asksForResults(parameters: EuiccDataParameters): boolean {
	const { tags, notifications, packageResults } = parameters;
	if (packageResults !== undefined) return false;
	return tags === undefined ? notifications === undefined : tags.some((tag) => tag.toUpperCase() === PACKAGE_RESULTS);
}

function tagList({ tags, notifications, packageResults }: EuiccDataParameters): Uint8Array {
	const searched = [
		...(notifications === undefined ? [] : [NOTIFICATIONS]),
		...(packageResults === undefined ? [] : [PACKAGE_RESULTS]),
	];
	if (tags === undefined) return searched.length === 0 ? EUICC_DATA_TAGS : concatBytes(...searched.map(fromHex));
	const missing = searched.filter((tag) => !tags.some((one) => one.toUpperCase() === tag));
	return concatBytes(...[...tags, ...missing].map(fromHex));
}

function notificationCriteria(wanted: NonNullable<EuiccDataParameters["notifications"]>) {
	return "seqNumber" in wanted ? wanted : { profileManagementOperation: EventBits.of(EVENTS[wanted.event]) };
}
