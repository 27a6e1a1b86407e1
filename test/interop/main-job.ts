/** The functions of ESipa that a device needs for the main job: packages, their results, an indirect download. */
export const MAIN_JOB_FUNCTIONS = [
	"GetEimPackage",
	"ProvideEimPackageResult",
	"InitiateAuthentication",
	"AuthenticateClient",
	"GetBoundProfilePackage",
	"HandleNotification",
] as const;
