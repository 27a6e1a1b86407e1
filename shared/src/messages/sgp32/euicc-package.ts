/** SGP.32 v1.2, module SGP32Definitions: signed commands of an eIM to an eUICC. */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	integer,
	kept,
	nullValue,
	objectIdentifier,
	octetString,
	optional,
	sequence,
	sequenceOf,
	utf8String,
} from "../../asn1/schema.ts";
import { Iccid, Octet16, TransactionId } from "../sgp22/basic-types.ts";
import { ProfileInfoListRequest } from "../sgp22/profile-info.ts";
import { SetDefaultDpAddressRequest } from "./default-dp-address.ts";
import { EimConfigurationData } from "./eim-configuration.ts";

/** Profile state management operation: one command on profiles. */
export const Psmo = define(
	"Psmo",
	choice({
		enable: at(
			context(3),
			sequence({
				iccid: at(application(26), Iccid),
				rollbackFlag: optional(nullValue()),
			}),
		),
		disable: at(
			context(4),
			sequence({
				iccid: at(application(26), Iccid),
			}),
		),
		delete: at(
			context(5),
			sequence({
				iccid: at(application(26), Iccid),
			}),
		),
		listProfileInfo: at(context(45), ProfileInfoListRequest),
		getRAT: at(context(6), sequence({})),
		configureImmediateEnable: at(
			context(7),
			sequence({
				immediateEnableFlag: optional(at(context(0), nullValue())),
				defaultSmdpOid: optional(at(context(1), objectIdentifier())),
				defaultSmdpAddress: optional(at(context(2), utf8String())),
			}),
		),
		setFallbackAttribute: at(
			context(8),
			sequence({
				iccid: at(application(26), Iccid),
			}),
		),
		unsetFallbackAttribute: at(context(9), sequence({})),
		setDefaultDpAddress: at(context(101), SetDefaultDpAddressRequest),
	}),
);
export type Psmo = Infer<typeof Psmo>;

/** eIM configuration operation: one command on eIM associations. */
export const Eco = define(
	"Eco",
	choice({
		addEim: at(context(8), EimConfigurationData),
		deleteEim: at(
			context(9),
			sequence({
				eimId: at(context(0), utf8String()),
			}),
		),
		updateEim: at(context(10), EimConfigurationData),
		listEim: at(context(11), sequence({})),
	}),
);
export type Eco = Infer<typeof Eco>;

/** Commands on profiles or commands on eIM configurations, never both. */
export const EuiccPackage = define(
	"EuiccPackage",
	choice({
		psmoList: sequenceOf(Psmo),
		ecoList: sequenceOf(Eco),
	}),
);
export type EuiccPackage = Infer<typeof EuiccPackage>;

/** Signed by the eIM; counterValue grows with each package for one eUICC. */
export const EuiccPackageSigned = define(
	"EuiccPackageSigned",
	sequence({
		eimId: at(context(0), utf8String({ size: [1, 128] })),
		eidValue: at(application(26), Octet16),
		counterValue: at(context(1), integer()),
		eimTransactionId: optional(at(context(2), TransactionId)),
		euiccPackage: EuiccPackage,
	}),
);
export type EuiccPackageSigned = Infer<typeof EuiccPackageSigned>;

/** The signature of the eIM runs over euiccPackageSigned and the association token. Tag BF51. */
export const EuiccPackageRequest = define(
	"EuiccPackageRequest",
	context(81),
	sequence({
		euiccPackageSigned: kept(EuiccPackageSigned),
		eimSignature: at(application(55), octetString()),
	}),
);
export type EuiccPackageRequest = Infer<typeof EuiccPackageRequest>;
