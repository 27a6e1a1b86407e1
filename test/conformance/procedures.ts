/** A function of `functions.ts` that a procedure consists of. */
export interface Step {
	readonly interface: string;
	readonly function: string;
}

const of =
	(name: string) =>
	(...functions: readonly string[]): readonly Step[] =>
		functions.map((one) => ({ interface: name, function: one }));
const psmo = of("ESep PSMO");
const eco = of("ESep eCO");
const es10 = of("ES10a, ES10b, ES10c");
const esipa = of("ESipa");
const packages = of("eIM packages");
const ipae = of("IPAe");

/** What the bench must have seen in the test of a procedure, over its form of ESipa where the interface has both. */
export const STEPS_OF: Readonly<Record<string, readonly Step[]>> = {
	"3.1.1.1 eIM Package Retrieval": [...esipa("GetEimPackage", "ProvideEimPackageResult")],
	"3.1.1.2 eIM Package Injection": [...esipa("TransferEimPackage")],
	"2.11.1.2 IPA and eUICC Data Request": [...packages("IpaEuiccDataRequest")],
	"5.14.5 State change of the device, told by notifyStateChange": [...packages("notifyStateChange")],
	"3.2.3.1 Direct Profile Download by activation code": [...packages("direct download by activation code")],
	"3.2.3.1 Direct Profile Download from the default SM-DP+": [...packages("direct download from the default SM-DP+")],
	"3.2.3.1 Direct Profile Download by SM-DS": [...packages("direct download by SM-DS")],
	"3.2.3.2 Indirect Profile Download by activation code": [...packages("indirect download by activation code")],
	"3.2.3.2 Indirect Profile Download from the default SM-DP+": [
		...packages("indirect download from the default SM-DP+"),
	],
	"3.2.3.2 Indirect Profile Download by SM-DS": [...packages("indirect download by SM-DS")],
	"5.14.8 Cancel Session (SGP.22 section 3.0.2)": [...esipa("CancelSession"), ...es10("CancelSession")],
	"5.9.15 Immediate Profile Enabling": [...es10("ImmediateEnable")],
	"3.3.1 Generic eUICC Package Download and Execution": [
		...packages("several commands in one package"),
		...es10("LoadEuiccPackage"),
	],
	"3.4.1 Enable Profile": [...psmo("enable")],
	"5.9.16 Profile Rollback": [
		...psmo("enable with rollback"),
		...es10("ProfileRollback"),
		...packages("rollbackResult"),
	],
	"3.4.2 Disable Profile": [...psmo("disable")],
	"3.4.3 Delete Profile": [...psmo("delete")],
	"5.13.4 List Profile Information": [...psmo("listProfileInfo")],
	"Get RAT (PSMO)": [...psmo("getRAT")],
	"5.13.6 Configure Immediate Enabling": [...psmo("configureImmediateEnable")],
	"3.4.6 Set Fallback Attribute": [...psmo("setFallbackAttribute")],
	"Unset Fallback Attribute (PSMO)": [...psmo("unsetFallbackAttribute")],
	"Set Default SM-DP+ Address (PSMO)": [...psmo("setDefaultDpAddress")],
	"5.9.20, 5.9.21 Fallback and return from it": [...es10("ExecuteFallbackMechanism", "ReturnFromFallback")],
	"5.9.22, 5.9.23 Emergency Profile": [...es10("EnableEmergencyProfile", "DisableEmergencyProfile")],
	"3.5.2 Add Initial eIM": [...es10("AddInitialEim")],
	"Add eIM (eCO)": [...eco("addEim")],
	"Update eIM (eCO)": [...eco("updateEim")],
	"Delete eIM (eCO)": [...eco("deleteEim")],
	"List eIM (eCO)": [...eco("listEim")],
	"Hand-over of a device to another eIM": [...packages("hand-over to another eIM")],
	"3.7 Notification Delivery to Notification Receivers": [...esipa("HandleNotification"), ...es10("NotificationSent")],
	"5.9.5 eUICC Memory Reset": [...es10("eUICCMemoryReset")],
	"3.8.4 IPAe Activation": [...ipae("activation", "poll and package")],
};

/**
 * The procedures of SGP.32: each has one test of its name, over both bindings and both curves. A number is that of the
 * procedure, or of the function that it consists of, where a source at hand names it; no number is made up. Sources: the
 * comments of the ASN.1 modules (2.11, 5.9), of onomondo-ipa (3.1.1.1, 3.2.3.2, 3.3.1, 3.7, 5.14) and its public forks
 * (3.1.1.2, 3.8.4), the API of onomondo-eim (3.2.3.1, 3.4.1 to 3.4.3, 3.5.2, 5.13.4, 5.13.6); 3.4.6 from another public IPA.
 */
export const PROCEDURES: readonly string[] = Object.keys(STEPS_OF);
