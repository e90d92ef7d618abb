/** What a registry is told, as the engine's API takes it. */
export interface RegistryCredentials {
  readonly serveraddress: string
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
}

export interface RegistryAuth {
  /** The credentials for the registry of an image; undefined when it is asked as nobody. */
  forImage: (reference: string) => Promise<RegistryCredentials | undefined>
}
