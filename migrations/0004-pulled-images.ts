import { Migration } from '@mikro-orm/migrations'
import { PULLED_IMAGES } from './schema.ts'

/** Adds the record of images that this installation pulled itself, which alone it may remove again. */
export class PulledImages extends Migration {
  override async up(): Promise<void> {
    await this.execute(PULLED_IMAGES)
  }

  /** Forgets the record, and does not keep it for the way up: people may have pulled the same images meanwhile. */
  override async down(): Promise<void> {
    await this.execute('DROP TABLE pulled_images')
  }
}
