/** SGP.22 v2.5, module RSPDefinitions: what happened to which profile. */

import {
	at,
	bitString,
	context,
	define,
	type Infer,
	integer,
	optional,
	sequence,
	utf8String,
} from "../../asn1/schema.ts";
import { Iccid } from "./basic-types.ts";

export const NotificationEvent = define(
	"NotificationEvent",
	bitString({ notificationInstall: 0, notificationEnable: 1, notificationDisable: 2, notificationDelete: 3 }),
);
export type NotificationEvent = Infer<typeof NotificationEvent>;

/** In `profileManagementOperation` exactly one bit is set. Tag BF2F. */
export const NotificationMetadata = define(
	"NotificationMetadata",
	context(47),
	sequence({
		seqNumber: at(context(0), integer()),
		profileManagementOperation: at(context(1), NotificationEvent),
		notificationAddress: utf8String(),
		iccid: optional(Iccid),
	}),
);
export type NotificationMetadata = Infer<typeof NotificationMetadata>;
