/** Sentences with two people, of whom one acts at the end; the next word is the other one. */
export interface IoiTemplates {
  /**
   * Sentences with slots `{first}`, `{second}` (the two people in order), `{giver}` (who acts), and any slot
   * of `slots`. Each serves both orders: ABBA when the second acts, BABA when the first does.
   */
  readonly templates: readonly string[];
  readonly names: readonly string[];
  readonly slots: Readonly<Record<string, readonly string[]>>;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/**
 * Fifteen English templates, eight places, eight objects and a hundred names, the sizes of the data of Wang
 * et al. (2022).
 */
export const englishTemplates: IoiTemplates = {
  templates: [
    'When {first} and {second} went to the {place}, {giver} gave a {object} to',
    'Then {first} and {second} went to the {place}, and {giver} gave a {object} to',
    'After {first} and {second} arrived at the {place}, {giver} handed a {object} to',
    'While {first} and {second} were walking to the {place}, {giver} passed a {object} to',
    'Last week {first} and {second} met at the {place}, where {giver} gave a {object} to',
    'Once {first} and {second} had reached the {place}, {giver} offered a {object} to',
    'Because {first} and {second} were late for the {place}, {giver} threw a {object} to',
    'In the morning {first} and {second} visited the {place}. Later {giver} gave a {object} to',
    'Yesterday {first} and {second} worked at the {place}. Then {giver} showed a {object} to',
    'Before {first} and {second} left the {place}, {giver} returned a {object} to',
    'Friends said that {first} and {second} stayed at the {place} until {giver} sold a {object} to',
    'Although {first} and {second} liked the {place}, {giver} soon sent a {object} to',
    'As {first} and {second} waited near the {place}, {giver} lent a {object} to',
    'Today {first} and {second} cleaned the {place}, so {giver} gave a {object} to',
    'Later on {first} and {second} talked at the {place}, and {giver} brought a {object} to',
  ],
  names: words(`
    Mary John Tom James Dan Sid Martin Amy Michael Christopher Jessica Matthew Ashley Jennifer Joshua
    Amanda Daniel David Robert Joseph Andrew Ryan Brandon Jason Justin Sarah William Jonathan Stephanie
    Brian Nicole Nicholas Anthony Heather Eric Elizabeth Adam Megan Melissa Kevin Steven Thomas Timothy
    Christina Kyle Rachel Laura Lauren Amber Brittany Danielle Richard Kimberly Jeffrey Crystal
    Michelle Tiffany Jeremy Benjamin Mark Emily Aaron Charles Rebecca Jacob Stephen Patrick Sean Erin
    Jamie Kelly Samantha Nathan Sara Dustin Paul Angela Tyler Scott Katherine Andrea Gregory Erica
    Travis Lisa Kenneth Bryan Lindsey Kristen Jose Alexander Jesse Katie Lindsay Shannon Vanessa
    Courtney Christine Alicia Cody Allison Bradley`),
  slots: {
    place: words('store garden restaurant school hospital office house station'),
    object: words('ring kiss bone basketball computer necklace drink snack'),
  },
};
