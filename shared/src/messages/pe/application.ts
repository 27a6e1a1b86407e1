/** TCA eUICC Profile Package v3.3, module PEDefinitions: applications and their parameters. */

import {
	application,
	at,
	context,
	define,
	type Infer,
	octetString,
	optional,
	privateTag,
	sequence,
	sequenceOf,
	withDefault,
} from "../../asn1/schema.ts";
import { hex } from "../../util/bytes.ts";
import { ApplicationIdentifier, PEHeader } from "./basic-types.ts";

export const ApplicationLoadPackage = define(
	"ApplicationLoadPackage",
	sequence({
		loadPackageAID: at(application(15), ApplicationIdentifier),
		securityDomainAID: optional(at(application(15), ApplicationIdentifier)),
		nonVolatileCodeLimitC6: optional(at(privateTag(6), octetString())),
		volatileDataLimitC7: optional(at(privateTag(7), octetString())),
		nonVolatileDataLimitC8: optional(at(privateTag(8), octetString())),
		hashValue: optional(at(privateTag(1), octetString())),
		loadBlockObject: at(privateTag(4), octetString()),
	}),
);
export type ApplicationLoadPackage = Infer<typeof ApplicationLoadPackage>;

export const TS102226AdditionalContactlessParameters = define(
	"TS102226AdditionalContactlessParameters",
	sequence({
		protocolParameterData: octetString(),
	}),
);
export type TS102226AdditionalContactlessParameters = Infer<typeof TS102226AdditionalContactlessParameters>;

export const ApplicationSystemParameters = define(
	"ApplicationSystemParameters",
	sequence({
		volatileMemoryQuotaC7: optional(at(privateTag(7), octetString({ size: [2, 4] }))),
		nonVolatileMemoryQuotaC8: optional(at(privateTag(8), octetString({ size: [2, 4] }))),
		globalServiceParameters: optional(at(privateTag(11), octetString())),
		implicitSelectionParameter: optional(at(privateTag(15), octetString())),
		volatileReservedMemory: optional(at(privateTag(23), octetString({ size: [2, 4] }))),
		nonVolatileReservedMemory: optional(at(privateTag(24), octetString({ size: [2, 4] }))),
		ts102226SIMFileAccessToolkitParameter: optional(at(privateTag(10), octetString())),
		ts102226AdditionalContactlessParameters: optional(at(context(0), TS102226AdditionalContactlessParameters)),
		contactlessProtocolParameters: optional(at(privateTag(25), octetString())),
		userInteractionContactlessParameters: optional(at(privateTag(26), octetString())),
		cumulativeGrantedVolatileMemory: optional(at(context(2), octetString({ size: [2, 4] }))),
		cumulativeGrantedNonVolatileMemory: optional(at(context(3), octetString({ size: [2, 4] }))),
	}),
);
export type ApplicationSystemParameters = Infer<typeof ApplicationSystemParameters>;

export const UICCApplicationParameters = define(
	"UICCApplicationParameters",
	sequence({
		uiccToolkitApplicationSpecificParametersField: optional(at(context(0), octetString())),
		uiccAccessApplicationSpecificParametersField: optional(at(context(1), octetString())),
		uiccAdministrativeAccessApplicationSpecificParametersField: optional(at(context(2), octetString())),
	}),
);
export type UICCApplicationParameters = Infer<typeof UICCApplicationParameters>;

export const ControlReferenceTemplate = define(
	"ControlReferenceTemplate",
	sequence({
		applicationProviderIdentifier: at(application(32), octetString()),
	}),
);
export type ControlReferenceTemplate = Infer<typeof ControlReferenceTemplate>;

export const ApplicationInstance = define(
	"ApplicationInstance",
	sequence({
		applicationLoadPackageAID: at(application(15), ApplicationIdentifier),
		classAID: at(application(15), ApplicationIdentifier),
		instanceAID: at(application(15), ApplicationIdentifier),
		extraditeSecurityDomainAID: optional(at(application(15), ApplicationIdentifier)),
		applicationPrivileges: at(context(2), octetString()),
		lifeCycleState: withDefault(at(context(3), octetString({ size: 1 })), hex`07`),
		applicationSpecificParametersC9: at(privateTag(9), octetString()),
		systemSpecificParameters: optional(at(privateTag(15), ApplicationSystemParameters)),
		applicationParameters: optional(at(privateTag(10), UICCApplicationParameters)),
		processData: optional(sequenceOf(octetString(), { size: [1, Number.MAX_SAFE_INTEGER] })),
		controlReferenceTemplate: optional(at(context(16), ControlReferenceTemplate)),
	}),
);
export type ApplicationInstance = Infer<typeof ApplicationInstance>;

export const PeApplication = define(
	"PE-Application",
	sequence({
		"app-Header": PEHeader,
		loadBlock: optional(ApplicationLoadPackage),
		instanceList: optional(sequenceOf(ApplicationInstance, { size: [1, Number.MAX_SAFE_INTEGER] })),
	}),
);
export type PeApplication = Infer<typeof PeApplication>;
