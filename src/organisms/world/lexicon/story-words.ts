const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Where story people go. Each follows `the`. */
export const settings = words(`
  park school market garden station library museum beach farm forest bakery cafe hospital office
  theater harbor kitchen village lake hill church castle bridge zoo shop store playground field
  river temple stadium hotel square tower barn cave island meadow orchard workshop`);

/** What story people own, give and lose. Each follows `a`. */
export const objects = words(`
  ball book cup key hat ring letter map coin lamp basket drum kite bell box flute pen watch scarf
  blanket mirror ribbon bottle candle shell stone feather painting puzzle camera ladder rope spoon
  necklace bag jacket mask pencil wheel bucket`);

/** Feelings, each with the reason a story gives for it. */
export const feelings: readonly (readonly [string, string])[] = [
  ['happy', 'the sun was warm'],
  ['sad', 'the day was over'],
  ['angry', 'the door was locked'],
  ['proud', 'the work was done'],
  ['tired', 'the road was long'],
  ['scared', 'the night was dark'],
  ['calm', 'the water was still'],
  ['curious', 'the noise was strange'],
  ['lonely', 'the house was empty'],
  ['excited', 'the feast was near'],
  ['hungry', 'the lunch was late'],
  ['worried', 'the sky was gray'],
];

export const animals = words('dog cat horse rabbit goat duck cow sheep fox mouse turtle donkey');

export const storyColors = words('red blue green yellow white black brown purple orange pink');

export const weathers = words('sunny rainy windy cloudy snowy foggy');

export const times = words(
  'morning afternoon evening night Monday Friday Sunday winter summer spring',
);
